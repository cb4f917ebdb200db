// The operators of augment.py for the photos of a batch, in three kernels that augment_cuda.py launches in this order.
//
// BLOCKS blocks of THREADS threads take the pixels of a photo in turn. Between kernels images are planes, [3, h, w], so
// that neighbouring threads read and write neighbouring words. Where a photo begins is reckoned in 64 bits, what lies
// in it in 32: a batch may be of any size, a photo of less than 2^31 values.
//
// It is compiled without fused multiply-adds, and but for cos and sin it uses nothing that IEEE 754 leaves open: the
// same source compiled for a CPU, as the tests do, computes the same bits.

enum { ANGLE, FLIP, BRIGHTNESS, CONTRAST, SATURATION, HUE, PARAMS };  // the fields of params.Params, in their order

struct Colour {
    float red, green, blue;
};

static __device__ long long this_photo() { return blockIdx.x / BLOCKS; }

static __device__ int first_pixel() { return blockIdx.x % BLOCKS * THREADS + threadIdx.x; }

static __device__ Colour operator*(Colour a, float factor) {
    return {a.red * factor, a.green * factor, a.blue * factor};
}

static __device__ Colour operator+(Colour a, Colour b) {
    return {a.red + b.red, a.green + b.green, a.blue + b.blue};
}

static __device__ float unit(float value) { return fminf(fmaxf(value, 0.0f), 1.0f); }

static __device__ Colour unit(Colour a) { return {unit(a.red), unit(a.green), unit(a.blue)}; }

static __device__ Colour plane_colour(const float *image, int pixels, int i) {
    return {image[i], image[pixels + i], image[2 * pixels + i]};
}

// ITU-R 601 luma, with the digits that torchvision uses.
static __device__ float grey(Colour a) { return a.red * 0.2989f + a.green * 0.587f + a.blue * 0.114f; }

static __device__ Colour brightened(Colour a, float factor) { return factor == 1.0f ? a : unit(a * factor); }

static __device__ Colour blended(Colour a, float other, float factor) {
    const float add = other * (1.0f - factor);
    return unit(a * factor + Colour{add, add, add});
}

// The hue of HSV in sixths of the wheel; of greys it is anything.
static __device__ float hue_of(Colour a, float largest, float chroma) {
    const float per_chroma = 1.0f / fmaxf(chroma, 1e-12f);
    if (largest == a.red) return (a.green - a.blue) * per_chroma;
    if (largest == a.green) return (a.blue - a.red) * per_chroma + 2.0f;
    return (a.red - a.green) * per_chroma + 4.0f;
}

// As augment_torch._turn_hue says.
static __device__ Colour turned(Colour a, float turns) {
    const float largest = fmaxf(fmaxf(a.red, a.green), a.blue), smallest = fminf(fminf(a.red, a.green), a.blue);
    const float chroma = largest - smallest;
    float hue = hue_of(a, largest, chroma) + 6.0f * turns;
    hue -= 6.0f * floorf(hue / 6.0f);
    return {
        smallest + chroma * unit(fabsf(hue - 3.0f) - 1.0f),
        smallest + chroma * unit(2.0f - fabsf(hue - 2.0f)),
        smallest + chroma * unit(2.0f - fabsf(hue - 4.0f)),
    };
}

// Black outside the photo.
static __device__ Colour byte_colour(const unsigned char *photo, int high, int wide, int row, int column) {
    if (row < 0 || row >= high || column < 0 || column >= wide) return {0.0f, 0.0f, 0.0f};
    const unsigned char *at = photo + 3 * (row * wide + column);
    return {float(at[0]), float(at[1]), float(at[2])};
}

// Between bytes, at (x, y) in pixels from the centre of the first. Where both are whole it is that byte exactly.
static __device__ Colour sampled(const unsigned char *photo, int high, int wide, float x, float y) {
    const float left = floorf(x), top = floorf(y), across = x - left, down = y - top;
    const int column = int(left), row = int(top);
    const Colour upper = byte_colour(photo, high, wide, row, column) * (1.0f - across) +
                         byte_colour(photo, high, wide, row, column + 1) * across;
    const Colour lower = byte_colour(photo, high, wide, row + 1, column) * (1.0f - across) +
                         byte_colour(photo, high, wide, row + 1, column + 1) * across;
    return upper * (1.0f - down) + lower * down;
}

// Photos uint8 [n, high, wide, 3] -> images [n, 3, height, width] in 0..1: flipped, rotated about the centre, cropped.
extern "C" __global__ void place(const unsigned char *__restrict__ photos, const float *__restrict__ params,
                                 float *__restrict__ images, int high, int wide, int height, int width) {
    const int pixels = height * width;
    const unsigned char *photo = photos + this_photo() * 3 * high * wide;
    float *image = images + this_photo() * 3 * pixels;
    const float *param = params + this_photo() * PARAMS;
    const float angle = param[ANGLE] * 0.017453292519943295f, cos = cosf(angle), sin = sinf(angle);
    const float mirror = param[FLIP] != 0.0f ? -1.0f : 1.0f;
    // From the index of the crop's pixel to pixels from the photo's centre, and from there to the index of the photo's.
    const float to_x = (wide - width) / 2 + 0.5f - wide / 2.0f, to_y = (high - height) / 2 + 0.5f - high / 2.0f;
    const float from_x = wide / 2.0f - 0.5f, from_y = high / 2.0f - 0.5f;
    for (int i = first_pixel(); i < pixels; i += BLOCKS * THREADS) {
        const float x = i % width + to_x, y = i / width + to_y;
        // The flip comes first, so the way back from the crop undoes it last.
        const Colour seen =
            sampled(photo, high, wide, mirror * (cos * x - sin * y) + from_x, sin * x + cos * y + from_y);
        image[i] = seen.red / 255.0f;
        image[pixels + i] = seen.green / 255.0f;
        image[2 * pixels + i] = seen.blue / 255.0f;
    }
}

// For contrast: what the grey of each photo adds up to once it is brightened -> sums [n, BLOCKS * THREADS], a sum of
// each thread. Whoever adds those does it in a fixed order.
extern "C" __global__ void tone(const float *__restrict__ images, const float *__restrict__ params,
                                float *__restrict__ sums, int pixels) {
    const float *image = images + this_photo() * 3 * pixels;
    const float brightness = params[this_photo() * PARAMS + BRIGHTNESS];
    float sum = 0.0f;
    for (int i = first_pixel(); i < pixels; i += BLOCKS * THREADS)
        sum += grey(brightened(plane_colour(image, pixels, i), brightness));
    sums[this_photo() * BLOCKS * THREADS + first_pixel()] = sum;
}

// Images [n, 3, h, w] -> outs [n, h, w, 3]: brightness, contrast, saturation, hue, and colour * scale + shift. What a
// photo does not need is left out. `totals` [n], the sums of `tone`, is read where contrast is changed.
extern "C" __global__ void recolour(const float *__restrict__ images, const float *__restrict__ params,
                                    const float *__restrict__ totals, float *__restrict__ outs, int pixels,
                                    float red_scale, float green_scale, float blue_scale, float red_shift,
                                    float green_shift, float blue_shift) {
    const float *image = images + this_photo() * 3 * pixels;
    float *out = outs + this_photo() * 3 * pixels;
    const float *param = params + this_photo() * PARAMS;
    const float brightness = param[BRIGHTNESS], contrast = param[CONTRAST], saturation = param[SATURATION];
    const float mean = contrast == 1.0f ? 0.0f : totals[this_photo()] / pixels;
    for (int i = first_pixel(); i < pixels; i += BLOCKS * THREADS) {
        Colour seen = brightened(plane_colour(image, pixels, i), brightness);
        if (contrast != 1.0f) seen = blended(seen, mean, contrast);
        if (saturation != 1.0f) seen = blended(seen, grey(seen), saturation);
        if (param[HUE] != 0.0f) seen = turned(seen, param[HUE]);
        out[3 * i] = seen.red * red_scale + red_shift;
        out[3 * i + 1] = seen.green * green_scale + green_shift;
        out[3 * i + 2] = seen.blue * blue_scale + blue_shift;
    }
}
