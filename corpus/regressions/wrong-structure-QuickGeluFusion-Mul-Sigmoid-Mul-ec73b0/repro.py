#!/usr/bin/env python3
"""Shows the bug beside it, with nothing but onnxruntime, onnx and numpy.

    python repro.py

Prints REPRODUCED and exits 1 where the installed onnxruntime has the bug; exits 0 where it has not, 2 on trouble
(a package is missing, the model does not run even without optimization).
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REPEATS = 16  # sessions, where results are random
LEVELS = {0: "ORT_DISABLE_ALL", 1: "ORT_ENABLE_BASIC", 2: "ORT_ENABLE_EXTENDED", 99: "ORT_ENABLE_ALL"}


def trouble(why):
    print(f"cannot tell: {why}")
    sys.exit(2)


def data_sets():
    """Folders of the inputs that one session runs one after another; the first of several comes last, too."""
    n = len(glob.glob(os.path.join(HERE, "test_data_set_*")))
    return [f"test_data_set_{i}" for i in list(range(n)) + [0] * (n > 1)]


def read_protos(pattern, data_set="test_data_set_0"):
    import onnx

    protos = {}
    data = os.path.join(HERE, data_set)
    for i in range(len(glob.glob(os.path.join(data, pattern + "_*.pb")))):
        proto = onnx.TensorProto()
        with open(os.path.join(data, f"{pattern}_{i}.pb"), "rb") as f:
            proto.ParseFromString(f.read())
        protos[proto.name] = proto
    return protos


def plain_array(proto):
    """Types that numpy does not know (bfloat16, float8, int4) become float32, which holds all their values."""
    import numpy as np
    import onnx.numpy_helper

    array = np.asarray(onnx.numpy_helper.to_array(proto))
    return array if array.dtype.kind in "biufcOSU" and not is_strange(type_name(proto)) else array.astype(np.float32)


def type_name(proto):
    import onnx

    return onnx.TensorProto.DataType.Name(proto.data_type).lower()


def is_strange(type_name):
    return type_name == "bfloat16" or type_name.startswith(("float8", "float4", "int4", "uint4", "int2", "uint2"))


def load(pattern, data_set):
    return {name: plain_array(proto) for name, proto in read_protos(pattern, data_set).items()}


def load_types(pattern, data_set):
    return {name: type_name(proto) for name, proto in read_protos(pattern, data_set).items()}


def strange_to_ort(proto, session):
    """A tensor of a type that numpy does not know: what a model returns that has nothing but this constant."""
    import onnx.helper

    name = proto.name
    info = onnx.helper.make_tensor_value_info(name, proto.data_type, list(proto.dims))
    graph = onnx.helper.make_graph([], "constant", [], [info], [proto])
    model = onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 21)])
    return session(model.SerializeToString(), 0).run_with_ort_values(None, {})[0]


def strange_from_ort(value, type_name):
    import ctypes

    import onnx

    bits = 16 if type_name == "bfloat16" else 8
    for few in (2, 4):
        if type_name in (f"int{few}", f"uint{few}") or type_name.startswith(f"float{few}e"):
            bits = few
    count = 1
    for n in value.shape():
        count *= n
    proto = onnx.TensorProto(data_type=onnx.TensorProto.DataType.Value(type_name.upper()), dims=value.shape())
    proto.raw_data = ctypes.string_at(value.data_ptr(), (count * bits + 7) // 8)
    return plain_array(proto)


def run_here(level, reload, runs, repeats, target):
    """In a process of its own, since it may die: outputs go to `target`."""
    import re

    import numpy as np
    import onnx
    import onnxruntime as ort

    def session(model, at, save=None):
        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, LEVELS[at])
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.use_env_allocators", "0")
        options.enable_cpu_mem_arena = False
        if save:
            options.optimized_model_filepath = save
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def readable():
        """The model, of an IR version that this onnxruntime reads."""
        path = os.path.join(HERE, "model.onnx")
        try:
            session(path, 0)
        except Exception as e:
            newest = re.search("max supported IR version: ([0-9]+)", str(e))
            if newest:
                model = onnx.load(path)
                model.ir_version = int(newest[1])
                path = target + ".readable.onnx"
                onnx.save(model, path)
        return path

    model = readable()
    sets = []
    for data_set in data_sets():
        protos = read_protos("input", data_set)
        strange = any(is_strange(type_name(p)) for p in protos.values())
        inputs = {name: plain_array(p) for name, p in protos.items()}
        if strange:
            inputs = {name: strange_to_ort(p, session) if is_strange(type_name(p)) else
                      ort.OrtValue.ortvalue_from_numpy(inputs[name]) for name, p in protos.items()}
        sets.append(inputs)
    found = {}
    for repeat in range(repeats):
        if reload:
            saved = target + ".onnx"
            session(model, level, saved)
            s = session(saved, 0)
        else:
            s = session(model, level)
        names = [o.name for o in s.get_outputs()]
        types = [o.type.partition("(")[2].rstrip(")") for o in s.get_outputs()]
        for run, inputs in enumerate([sets[0]] * (runs - 1) + sets):
            head = f"{repeat}/{run}/"
            if not strange and not any(is_strange(t) for t in types):
                for name, value in zip(names, s.run(None, inputs)):
                    if value is not None:  # else nothing was made: missing
                        found[head + name] = np.asarray(value)
                continue
            values = inputs if strange else {n: ort.OrtValue.ortvalue_from_numpy(v) for n, v in inputs.items()}
            for name, value in zip(names, s.run_with_ort_values(None, values)):
                type_now = value.data_type().partition("(")[2].rstrip(")")
                found[head + name] = strange_from_ort(value, type_now) if is_strange(type_now) else value.numpy()
                # What numpy does not know is told apart by this.
                if is_strange(type_now):
                    found["type/" + head + name] = np.array(type_now)
    np.savez(target, **found)


def run_apart(level, reload=False, runs=1, repeats=1):
    """Outputs by "repeat/run/name", or the words in which it failed."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "outputs.npz")
        command = [sys.executable, os.path.abspath(__file__), "--run", str(level), str(int(reload)), str(runs),
                   str(repeats), target]
        environment = dict(os.environ, MALLOC_PERTURB_="165", GLIBC_TUNABLES="glibc.malloc.tcache_count=0")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        except subprocess.TimeoutExpired:
            return None, "no answer within 120 s"
        if done.returncode != 0:
            words = [line for line in done.stderr.splitlines() if line.strip()]
            return None, words[-1][:300] if words else f"the process ended with {done.returncode}"
        with np.load(target, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}, ""


def reproduced(how):
    import onnxruntime

    print(f"REPRODUCED with onnxruntime {onnxruntime.__version__}: {how}")
    sys.exit(1)


def worst_outside(got, expected, bounds):
    import numpy as np

    worst = None
    for name, want in expected.items():
        if name not in got or want.dtype.kind not in "biuf":
            continue
        bound = bounds[name].reshape(-1)
        a, b = got[name].astype(np.float64).reshape(-1), want.astype(np.float64).reshape(-1)
        if a.shape != b.shape:
            continue
        with np.errstate(all="ignore"):
            outside = np.isfinite(bound) & ~((np.abs(a - b) <= bound) | (a == b) | (np.isnan(a) & np.isnan(b)))
        for i in np.nonzero(outside)[0]:
            excess = abs(a[i] - b[i]) / bound[i] if bound[i] > 0 else np.inf
            if worst is None or not excess <= worst[0]:
                worst = (excess, f"output '{name}' element {i}: expected {b[i]:.9g} +- {bound[i]:.3g}, got {a[i]:.9g} "
                                 f"({int(outside.sum())} of {len(a)} elements outside)")
    return worst[1] if worst else ""


def structure(got, types, expected, expected_types):
    for name, want in expected.items():
        if name not in got:
            return f"output '{name}' is missing"
        value, wanted = got[name], expected_types[name]
        is_type, want_type = types.get(name, value.dtype), wanted if is_strange(wanted) else want.dtype
        if value.shape != want.shape or is_type != want_type:
            return f"output '{name}' is {is_type}{list(value.shape)}, not {want_type}{list(want.shape)}"
    return ""


def first(outputs, run=0, repeat=0):
    head = f"{repeat}/{run}/"
    return {name[len(head):]: value for name, value in outputs.items() if name.startswith(head)}


def strange_types(outputs, run=0):
    types = {n.removeprefix("type/"): v for n, v in outputs.items() if n.startswith("type/")}
    return {name: str(value) for name, value in first(types, run).items()}


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--run":
        level, reload, runs, repeats = (int(n) for n in sys.argv[2:6])
        return run_here(level, bool(reload), runs, repeats, sys.argv[6])
    try:
        import numpy as np
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError as e:
        trouble(f"{e}; pip install onnxruntime onnx numpy")
    with open(os.path.join(HERE, "finding.json")) as f:
        finding = json.load(f)
    how = finding["configuration"]
    random = bool(finding.get("random"))
    repeats = REPEATS if random else 1
    plain, why = run_apart(0, repeats=repeats)
    if plain is None:
        trouble(f"the model does not run without optimization: {why}")
    bad, why = run_apart(how["level"], how["reload"], how["runs"], repeats)
    if bad is None:
        if finding["symptom"] in ("crash", "hang"):
            reproduced(f"works without optimization, fails with {LEVELS[how['level']]}: {why}")
        if finding["symptom"] == "wrong-structure" and "Failed to find node output" in why:
            reproduced(f"an output is lost with {LEVELS[how['level']]}: {why}")
        trouble(f"the model fails with optimization, which is another symptom: {why}")
    # The data set that shows it, and the run that this is.
    binding = finding.get("binding", 0)
    data_set, run_no = data_sets()[binding], how["runs"] - 1 + binding if binding else 0
    expected, bounds = load("output", data_set), load("bound", data_set)
    if finding["symptom"] == "wrong-structure":
        types = load_types("output", data_set)
        difference = structure(first(bad, run_no), strange_types(bad, run_no), expected, types)
        if difference and not structure(first(plain, binding), strange_types(plain, binding), expected, types):
            reproduced(difference)
    elif finding["symptom"] == "wrong-numbers" and random:
        for name in first(plain):
            a = np.stack([first(plain, repeat=r)[name].astype(np.float64) for r in range(repeats)])
            b = np.stack([first(bad, repeat=r)[name].astype(np.float64) for r in range(repeats)])
            if a.shape == b.shape and ((a.max(0) < b.min(0)) | (b.max(0) < a.min(0))).any():
                reproduced(f"random output '{name}' is drawn otherwise: {a.min():.6g} to {a.max():.6g} without "
                           f"optimization, {b.min():.6g} to {b.max():.6g} with it")
    elif finding["symptom"] == "wrong-numbers":
        difference = worst_outside(first(bad, run_no), expected, bounds)
        if difference:
            if worst_outside(first(plain, binding), expected, bounds):
                trouble("the result is wrong without optimization, too")
            reproduced(difference)
    elif finding["symptom"] == "nondeterminism":
        again, _ = run_apart(how["level"], how["reload"], max(2, how["runs"]), repeats)
        for name, value in first(again).items():
            for other in (first(again, run=1), first(bad)):
                if not np.array_equal(value, other[name], equal_nan=value.dtype.kind == "f"):
                    reproduced(f"output '{name}' differs between two runs with equal inputs")
    print(f"not reproduced with onnxruntime {onnxruntime.__version__}")
    sys.exit(0)


if __name__ == "__main__":
    main()
