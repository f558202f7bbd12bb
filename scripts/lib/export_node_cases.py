#!/usr/bin/env python3
"""Writes the node cases of the installed onnx as files, in the layout of onnx's own test data.

    export_node_cases.py FOLDER

FOLDER/<case>/model.onnx, FOLDER/<case>/test_data_set_<i>/{input,output}_<j>.pb
"""
import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper


def typed(value, type_proto, name):
    """The protobuf form of one input or output: the declared type says which of them it is."""
    if isinstance(value, (onnx.TensorProto, onnx.SequenceProto, onnx.OptionalProto)):
        return value
    kind = type_proto.WhichOneof("value")
    if kind == "optional_type":
        return numpy_helper.from_optional(value, name)
    if kind == "sequence_type":
        return numpy_helper.from_list(value, name)
    if kind == "map_type":
        return numpy_helper.from_dict(value, name)
    return numpy_helper.from_array(np.asarray(value), name)


def export(case, folder):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    graph = case.model.graph
    for i, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{i}"
        data.mkdir()
        for word, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
            for j, (value, info) in enumerate(zip(values, infos)):
                (data / f"{word}_{j}.pb").write_bytes(typed(value, info.type, info.name).SerializeToString())


def main():
    # Building the cases computes their outputs, which warns of every overflow that a case is about.
    warnings.simplefilter("ignore")
    from onnx.backend.test.case.node import collect_testcases

    goal = pathlib.Path(sys.argv[1])
    cases = collect_testcases(None)
    failed = []
    for case in cases:
        try:
            export(case, goal / case.name)
        except Exception as e:  # one odd case must not cost the others
            failed.append(f"{case.name}: {e!r}")
    print(f"{len(cases) - len(failed)} of {len(cases)} cases exported to {goal}")
    print("\n".join(failed))
    if len(failed) > len(cases) // 50:
        sys.exit("too many cases failed")


if __name__ == "__main__":
    main()
