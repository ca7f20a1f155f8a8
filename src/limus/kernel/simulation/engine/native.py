"""A compiled model as machine code: built once, kept on disk, called from threads without holding Python back."""

from __future__ import annotations

import ctypes
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.cache import hash_sources, keep, read_kept
from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.engine.batch import SLOTS, Batch

__all__ = ["NativeModel", "build_native", "expected_build_time_s", "solve_batch"]

# entries of a factorisation; beyond, memory is the limit and the reference solver takes over
MOST_FACTORS = 50_000
MOST_STEPS = 100_000
_SECONDS_PER_CHARACTER = 3.4e-5  # of the source of derivatives, as measured from 300 to 1,000 states
# trajectories that a thread takes at a time: long enough that few lanes wait, short enough to be told of progress
_FEWEST, _MOST = 64, 512
_LOCK = threading.Lock()
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NativeModel:
    """Machine code of one model.

    Attributes
    ----------
    address : int
        Of the worker.
    frame_size : int
        Vectors in a frame.
    width : int
        Lanes.
    is_linear : bool
        Whether steps are exact.
    keep : object
        What owns the code.
    """

    address: int
    frame_size: int
    width: int
    is_linear: bool
    keep: Any


def build_native(model: CompiledModel, target: str = "host") -> NativeModel | None:
    """Turn a model into machine code, or load it from the cache on disk.

    Parameters
    ----------
    model : CompiledModel
    target : str
        ``host``, or a processor that LLVM knows, such as ``haswell`` (AVX2) or ``x86-64``.

    Returns
    -------
    NativeModel or None
        None where the model is too large or uses an operator without code.
    """
    with _LOCK:  # LLVM's set-up and the cache are shared by all threads
        return _build(model.key, target, _Source(model))


def expected_build_time_s(model: CompiledModel) -> float:
    """Return about how long :func:`build_native` takes where nothing is in the cache, in seconds.

    Parameters
    ----------
    model : CompiledModel

    Returns
    -------
    float
    """
    return _SECONDS_PER_CHARACTER * len(model.source("derivatives", careful=True))


@dataclass(frozen=True, slots=True)
class _Source:
    """Carries a model past the cache's key: two sources are always equal, the key decides."""

    model: CompiledModel

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=64)
def _build(key: str, target: str, source: _Source) -> NativeModel | None:
    import llvmlite  # noqa: PLC0415
    from llvmlite import binding  # noqa: PLC0415

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    name, features = _processor(target)
    has_fma = target != "x86-64" and ("+fma" in features or not features)
    width = 8
    parts = (key, _engine_hash(), llvmlite.__version__, name, features, str(width))
    stem = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    machine = _machine(binding, name, features)
    made = _read_cache(stem)
    if made is None:
        made = _compile(source.model, machine, width, has_fma)
        if made is None:
            return None
        _write_cache(stem, made)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    for code in made.objects:
        engine.add_object_file(binding.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return NativeModel(engine.get_function_address("worker"), made.frame_size, width, made.is_linear, engine)


@dataclass(frozen=True, eq=False)
class _Made:
    """What is kept on disk: object files, and what a caller needs to know."""

    frame_size: int
    is_linear: bool
    objects: tuple[bytes, ...]


def _processor(target: str) -> tuple[str, str]:
    from llvmlite import binding  # noqa: PLC0415

    if target == "host":
        return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    return target, ""


def _machine(binding: Any, name: str, features: str) -> Any:
    triple = binding.Target.from_default_triple()
    # level 1: the next one takes twice the time to give code that is no faster
    return triple.create_target_machine(cpu=name, features=features, opt=1, reloc="default", codemodel="jitdefault")


def _compile(model: CompiledModel, machine: Any, width: int, has_fma: bool) -> _Made | None:
    from llvmlite import ir  # noqa: PLC0415

    from limus.kernel.simulation.engine.driver import write_driver  # noqa: PLC0415
    from limus.kernel.simulation.engine.lanes import Lanes  # noqa: PLC0415
    from limus.kernel.simulation.engine.object_code import ObjectCode  # noqa: PLC0415
    from limus.kernel.simulation.engine.program import TooLargeError, write_program  # noqa: PLC0415

    module = ir.Module("limus")
    code = ObjectCode(module, machine)
    lanes = Lanes(module, width, fused=has_fma, finished=code.add)
    try:
        program = write_program(lanes, model.system, MOST_FACTORS)
    except TooLargeError:
        return None
    write_driver(lanes, program, len(model.inputs))
    lanes.close()
    return _Made(program.frame.size, program.linear is not None, tuple(code.finish()))


def _engine_hash() -> str:
    """Hash of the engine's own source: other emitter, other code."""
    return hash_sources(Path(__file__).parent)


def _read_cache(stem: str) -> _Made | None:
    kept = read_kept("engine", f"{stem}.o")
    if kept is None:
        return None
    head, _, code = kept.partition(b"\n")
    about = json.loads(head)
    ends = list(accumulate(about["sizes"]))
    objects = tuple(code[begin:end] for begin, end in zip([0, *ends], ends, strict=False))
    return _Made(int(about["frame_size"]), bool(about["is_linear"]), objects)


def _write_cache(stem: str, made: _Made) -> None:
    sizes = list(map(len, made.objects))
    about = json.dumps({"frame_size": made.frame_size, "is_linear": made.is_linear, "sizes": sizes})
    keep("engine", f"{stem}.o", about.encode() + b"\n" + b"".join(made.objects))


def _aligned(count: int, bytes_: int) -> Floats:
    """Zeros that begin at a multiple of ``bytes_``."""
    raw = np.zeros(count + bytes_ // 8)
    start = (-raw.ctypes.data % bytes_) // 8
    return raw[start : start + count]


def solve_batch(
    native: NativeModel,
    batch: Batch,
    *,
    relative_tolerance: float,
    absolute_tolerance: float,
    sensitivity_errors: bool = True,
    threads: int = 1,
    chunk: int | None = None,
    after_chunk: Callable[[int], None] = lambda count: None,
) -> None:
    """Solve every trajectory of a batch; the numbers do not depend on threads or chunk.

    Parameters
    ----------
    native : NativeModel
    batch : Batch
        Its arrays of results are filled.
    relative_tolerance, absolute_tolerance : float
        Of the local error.
    sensitivity_errors : bool
        Whether the local error is that of sensitivities too.
    threads : int
        How many work at once.
    chunk : int, optional
        Trajectories that a thread takes at a time; by default fewer towards the end, for lanes wait for the last one.
    after_chunk : callable
        Told after each chunk how many trajectories it had; raising stops the work.
    """
    ranges = _ranges(len(batch.inputs), threads, chunk)
    lock = threading.Lock()
    problems: list[BaseException] = []

    def work() -> None:
        call = _Call(native, batch, (relative_tolerance, absolute_tolerance), sensitivity_errors)
        while not problems:
            with lock:
                begin, end = next(ranges, (0, 0))
            if begin == end:
                return
            call(begin, end)
            try:
                with lock:
                    after_chunk(end - begin)
            except BaseException as problem:
                problems.append(problem)
                return

    helpers = [threading.Thread(target=work) for _ in range(min(threads, -(-len(batch.inputs) // _FEWEST)) - 1)]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    if problems:
        raise problems[0]


def _ranges(count: int, threads: int, chunk: int | None) -> Iterator[tuple[int, int]]:
    """Begin and end of the trajectories that a thread takes at a time."""
    begin = 0
    while begin < count:
        share = count - begin if threads == 1 else (count - begin) // (2 * threads)
        size = chunk or min(max(share, _FEWEST), _MOST)
        yield begin, min(begin + size, count)
        begin += size


class _Call:
    """One thread's frame and words."""

    def __init__(
        self, native: NativeModel, batch: Batch, tolerances: tuple[float, float], sensitivity_errors: bool
    ) -> None:
        self._worker = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(native.address)
        self._frame = _aligned(native.frame_size * native.width, 8 * native.width)
        self._words = np.zeros(len(SLOTS), dtype=np.int64)
        self._place = {name: i for i, name in enumerate(SLOTS)}
        for name, array in {"frame": self._frame, **batch.arrays()}.items():
            self._words[self._place[name]] = array.ctypes.data
        wholes = {"most_steps": MOST_STEPS, "sensitivity_errors": int(sensitivity_errors)}
        for name, whole in {**batch.strides(), **wholes}.items():
            self._words[self._place[name]] = whole
        numbers = self._words.view(np.float64)
        named = {"relative_tolerance": tolerances[0], "absolute_tolerance": tolerances[1]}
        for name, number in named.items():
            numbers[self._place[name]] = number

    def __call__(self, begin: int, end: int) -> None:
        self._words[self._place["begin"]] = begin
        self._words[self._place["end"]] = end
        self._worker(self._words.ctypes.data)
