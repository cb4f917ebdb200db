"""Proofs that a card, its driver and this torch do what trials ask of them. Each can fail: the tests make it."""

from __future__ import annotations

from benchmarks.gpu.part import Part
from benchmarks.gpu.proofs.between import memory_between_trials
from benchmarks.gpu.proofs.checkpoints import ensemble_member, resume
from benchmarks.gpu.proofs.compiling import compiles
from benchmarks.gpu.proofs.layout import channels_last
from benchmarks.gpu.proofs.memory import out_of_memory, validation_out_of_memory
from benchmarks.gpu.proofs.pixels import augmentation, feeds
from benchmarks.gpu.proofs.precision import bf16, fp16
from benchmarks.gpu.proofs.waiting import no_waiting

PARTS: list[Part] = [
    Part("augmentation", "the GPU's pixels are the CPU's", 12, augmentation),
    Part("feeds", "streamed and resident photos are the store's, to the bit", 3, feeds),
    Part("fp16", "trials learn in float16, and a step that overflows leaves no trace", 20, fp16),
    Part("bf16", "trials learn in bfloat16, where the GPU has it", 17, bf16),
    Part("out of memory", "a step goes on in micro-batches, with the same loss", 32, out_of_memory),
    Part(
        "validation out of memory", "predictions go on in smaller batches, the same ones", 14, validation_out_of_memory
    ),
    Part(
        "resume",
        "a trial that goes on from its checkpoint is the undisturbed one, to the bit",
        19,
        resume,
        environment={"CUBLAS_WORKSPACE_CONFIG": ":4096:8"},  # read when cuBLAS starts
    ),
    Part("memory between trials", "the next trial finds all of the memory again", 17, memory_between_trials),
    Part("no waiting", "within an epoch the host never waits for the GPU", 39, no_waiting),
    Part("channels_last", "all between the layers lies in the layout that tensor cores compute in", 1, channels_last),
    Part("compile", "torch.compile computes the same, and gives way where it fails", 32, compiles),
    Part("ensemble member", "exported weights answer as the trial's did, on the CPU too", 15, ensemble_member),
]
