// The kernels of augment.cu on a CPU, one thread after the other: they never wait for each other.

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#define __global__
#define __device__

struct Index {
    unsigned x;
};

static thread_local Index blockIdx, threadIdx;

#include "augment.cu"

using Size = std::size_t;

template <class... Kinds>
std::string signature(void (*)(Kinds...)) {
    return {(std::is_pointer<Kinds>::value ? 'P' : std::is_same<Kinds, int>::value ? 'i' : 'f')...};
}

template <class... Kinds, Size... Is>
void call(void (*kernel)(Kinds...), void **arguments, std::index_sequence<Is...>) {
    kernel(*static_cast<Kinds *>(arguments[Is])...);
}

template <class... Kinds>
bool run(void (*kernel)(Kinds...), unsigned blocks, unsigned threads, const char *given, void **arguments) {
    if (given != signature(kernel)) return false;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x)
            call(kernel, arguments, std::index_sequence_for<Kinds...>());
    return true;
}

// As cuLaunchKernel. `given` has a letter for the type of each argument, as ctypes names them; false: they do not fit.
extern "C" bool launch(const char *name, unsigned blocks, unsigned threads, const char *given, void **arguments) {
    if (!std::strcmp(name, "place")) return run(place, blocks, threads, given, arguments);
    if (!std::strcmp(name, "tone")) return run(tone, blocks, threads, given, arguments);
    return !std::strcmp(name, "recolour") && run(recolour, blocks, threads, given, arguments);
}
