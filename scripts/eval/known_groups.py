"""What the known groups of bugs (../shared/known-bugs/real) look like in a model: for rediscovery.py.

A sight gives words for what a group's root cause reads wrongly, or nothing where the model does not have it. It tells
apart the bugs of one pass that share symptom and operators; most of these no version tells apart.
"""
import collections
import dataclasses

import numpy as np
import onnx

DEFAULT_EPSILON = 1e-5  # of the fusions


class Net:
    """A model with the inputs that it is run on."""

    def __init__(self, folder, message=""):
        self.message = message
        model = onnx.load(folder / "model.onnx")
        held = {t.name: t for t in model.graph.initializer}
        fed = {}
        for k, i in enumerate(i for i in model.graph.input if i.name not in held):
            file = folder / "test_data_set_0" / f"input_{k}.pb"
            if file.exists() and i.type.HasField("tensor_type"):  # shapes are inferred from those of the inputs
                t = fed[i.name] = onnx.load_tensor(file)
                i.CopyFrom(onnx.helper.make_tensor_value_info(i.name, t.data_type, t.dims))
        del model.graph.value_info[:]
        for o in model.graph.output:
            if o.type.HasField("tensor_type"):
                o.type.tensor_type.ClearField("shape")
        try:
            graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except onnx.shape_inference.InferenceError:
            graph = model.graph
        self.nodes = list(graph.node)
        self.makers = {name: n for n in self.nodes for name in n.output}
        given_later = {i.name for i in graph.input}
        self.constants = {name: t for name, t in held.items() if name not in given_later}
        for n in self.nodes:
            if n.op_type == "Constant" and n.attribute[0].name != "sparse_value":
                self.constants[n.output[0]] = constant(n)
        self.tensors = {**held, **fed, **self.constants}
        self.types = {v.name: (v.type.tensor_type.elem_type,
                               tuple(d.dim_value if d.HasField("dim_value") else None
                                     for d in v.type.tensor_type.shape.dim)
                               if v.type.tensor_type.HasField("shape") else None)
                      for v in [*graph.input, *graph.value_info, *graph.output] if v.type.HasField("tensor_type")}
        self.types |= {name: (t.data_type, tuple(t.dims)) for name, t in self.tensors.items()}

    def of(self, *ops):
        return [n for n in self.nodes if n.op_type in ops]

    def maker(self, name, *ops):
        n = self.makers.get(name)
        return n if n is not None and n.op_type in ops else None

    def users(self, name, op):
        return [n for n in self.of(op) if name in n.input]

    def value(self, name):
        return onnx.numpy_helper.to_array(self.tensors[name]) if name in self.tensors else None

    def fixed(self, name):
        """A constant, or folded to one before any fusion."""
        inputs = [x for x in self.makers[name].input if x] if name in self.makers else []
        return name in self.constants or len(inputs) > 0 and all(map(self.fixed, inputs))

    def type(self, name):
        return self.types.get(name, (0, None))[0]

    def shape(self, name):  # None: not known
        return self.types.get(name, (0, None))[1]


def constant(node):
    """The tensor of a Constant, whatever it is given as: value, value_float, value_ints ..."""
    value = onnx.helper.get_attribute_value(node.attribute[0])
    if isinstance(value, onnx.TensorProto):
        return value
    array = np.array(value)
    kinds = {"f": np.float32, "i": np.int64}
    return onnx.numpy_helper.from_array(array.astype(kinds.get(array.dtype.kind, object)))


def attribute(node, name, default=None):
    return next((onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def slot(node, i):
    return node.input[i] if i < len(node.input) else ""


@dataclasses.dataclass
class Norm:
    """Pow, ReduceMean, Add, Sqrt, Div, Mul and perhaps Add, as the fusions of normalizations look for them."""
    power: onnx.NodeProto
    div: onnx.NodeProto
    mul: onnx.NodeProto
    epsilon: str
    scale: str
    bias: str


def norms(net):
    for sqrt in net.of("Sqrt"):
        add = net.maker(sqrt.input[0], "Add")
        for i in (0, 1) if add else ():
            mean = net.maker(add.input[1 - i], "ReduceMean")
            power = mean and net.maker(mean.input[0], "Pow")
            for div in net.users(sqrt.output[0], "Div") if power else ():
                for mul in net.users(div.output[0], "Mul"):
                    scale = next((x for x in mul.input if x != div.output[0]), "")
                    last = next(iter(net.users(mul.output[0], "Add")), None)
                    bias = next((x for x in last.input if x != mul.output[0]), "") if last else ""
                    yield Norm(power, div, mul, add.input[i], scale, bias)


def exponent(net, norm):
    value = net.value(norm.power.input[1])
    return None if value is None or value.size != 1 else float(value.ravel()[0])


def odd_epsilon(net):
    """Not one constant number: the fusion takes its default, or the first number. Not counted, because they are bugs of
    their own: another exponent than 2, or one in the first place; a constant in the first place of the Add (1.31.1 has
    lost that of SimplifiedLayerNormFusion and kept this); a double constant (recorded among not-bugs)."""
    for n in norms(net):
        value, shape = net.value(n.epsilon), net.shape(n.epsilon)
        if exponent(net, n) == 2 and (value is None or not np.allclose(value, DEFAULT_EPSILON, rtol=1e-3, atol=0)):
            if not net.fixed(n.epsilon):
                return f"epsilon {n.epsilon} is not constant"
            if shape is not None and None not in shape and np.prod(shape) != 1:
                return f"epsilon {n.epsilon} is no single number but {list(shape)}"


def other_exponent(net):
    return next((f"exponent {exponent(net, n):g}" for n in norms(net) if exponent(net, n) not in (None, 2)), None)


def computed_exponent(net):
    for n in norms(net):
        if (maker := net.makers.get(n.power.input[1])) and maker.op_type != "Constant":
            return f"the exponent comes from {maker.op_type}"


def widening_scale(net):
    """Told from scales of one number, which broadcast the other way, by the shape of the product."""
    for n in norms(net):
        x, y = net.shape(n.div.output[0]), net.shape(n.mul.output[0])
        if x and y and None not in x + y and x != y:
            return f"the scale makes {list(y)} of {list(x)}"


def scale_of_one(net):
    for n in norms(net):
        for name in filter(None, (n.scale, n.bias)):
            if (shape := net.shape(name)) is not None and None not in shape and np.prod(shape) == 1:
                return f"scale or bias {name} is {list(shape)}"


def layer_norms(net):
    """(node, axis from the front, rank) of every LayerNormalization after an Add."""
    for n in net.of("LayerNormalization"):
        if net.maker(n.input[0], "Add") and (shape := net.shape(n.input[0])) is not None:
            yield n, attribute(n, "axis", -1) % len(shape), len(shape)


def early_axis(net):
    return next((f"axis {axis} of {rank}" for _, axis, rank in layer_norms(net) if axis != rank - 1), None)


def odd_gamma(net):
    """With an axis before the last one it is skipln_axis, fixed in the same version as half of this."""
    for n, axis, rank in layer_norms(net):
        for name in filter(None, n.input[1:]):
            if axis == rank - 1 and net.shape(name) not in (None, net.shape(n.input[0])[-1:]):
                return f"gamma or beta is {list(net.shape(name))}"


def scale_and_zero(net, name):
    """Of the DequantizeLinear that makes `name`; a zero point that is not there is 0."""
    dq = net.maker(name, "DequantizeLinear")
    if dq:
        zero = net.value(dq.input[2]) if slot(dq, 2) else np.zeros(1)
        return net.value(dq.input[1]), zero
    return None, None


def odd_bias(net):
    """QGemm takes the bias for integers of scale a * b and zero point 0."""
    for n in net.of("Gemm"):
        (a, _), (b, _), (c, zero) = (scale_and_zero(net, slot(n, i)) for i in range(3))
        if a is None or b is None or c is None or zero is None:
            continue
        if np.any(zero.astype(np.int64) != 0):
            return "bias with a zero point"
        want = a.astype(np.float64) * b
        if want.size > 1 and c.size > 1 and want.size != c.size or not np.allclose(want, c, rtol=1e-3, atol=0):
            return f"bias of scale {c.ravel()[0]:.3g}, not {want.ravel()[0]:.3g}"


def alpha_and_bias(net):
    for n in net.of("Gemm"):
        if attribute(n, "alpha", 1.0) != 1 and net.maker(slot(n, 2), "DequantizeLinear"):
            return f"alpha {attribute(n, 'alpha'):g} and a quantized bias"


def row_scales(net):
    """One scale for each row of the weight: QLinearMatMul wants one for each column, and so does MatMulIntegerToFloat,
    which stands there where no QuantizeLinear follows. One selector lets both through."""
    for n in net.of("MatMul"):
        dq = net.maker(n.input[1], "DequantizeLinear")
        shape, scale = (net.shape(dq.input[0]), net.shape(dq.input[1])) if dq else (None, None)
        if shape and len(shape) > 1 and scale and len(scale) == 1 and scale[0] != 1 and not attribute(dq, "block_size"):
            if attribute(dq, "axis", 1) % len(shape) == len(shape) - 2:
                return f"{scale[0]} scales along the rows of the weight"


def weight_zero_points(net):
    for n in net.of("Conv"):
        _, zero = scale_and_zero(net, slot(n, 1))
        if zero is not None and len(set(zero.ravel().tolist())) > 1:
            return "weight with different zero points"


def negative_scale(net):
    for n in net.of("MaxPool"):
        scale, _ = scale_and_zero(net, n.input[0])
        if scale is not None and np.any(scale < 0):
            return "negative scale"


def interpolating_resize(net):
    for n in net.of("Resize"):
        if net.maker(n.input[0], "DequantizeLinear") and attribute(n, "mode", b"nearest") != b"nearest":
            return f"mode {attribute(n, 'mode').decode()}"


def half_blocks(net):
    for n in net.of("MatMul"):
        dq = net.maker(n.input[1], "DequantizeLinear")
        if dq and attribute(dq, "block_size") and net.type(dq.input[1]) == onnx.TensorProto.FLOAT16:
            return f"float16 weight in blocks of {attribute(dq, 'block_size')}"


def no_double_kernel(kernel, op):
    def sight(net):
        if kernel in net.message and any(net.type(n.input[0]) == onnx.TensorProto.DOUBLE for n in net.of(op)):
            return f"no kernel for {kernel} of double"
    return sight


def pad_feeds_weight(net):
    for n in net.of("Conv"):
        if net.maker(slot(n, 1), "Pad") and not net.maker(n.input[0], "Pad"):
            return "Pad feeds the weight"


def relu_feeds_limit(net):
    for n in net.of("Clip"):
        if (net.maker(slot(n, 1), "Relu") or net.maker(slot(n, 2), "Relu")) and not net.maker(n.input[0], "Relu"):
            return "Relu feeds a limit of Clip"


def ceil_after_pad(net):
    for n in net.of("AveragePool"):
        if net.maker(n.input[0], "Pad") and attribute(n, "ceil_mode"):
            return "ceil_mode after Pad"


def blocked_by_transpose(net):
    for n in net.of("QuantizeLinear", "DequantizeLinear"):
        if attribute(n, "block_size") and (net.maker(n.input[0], "Transpose") or net.users(n.output[0], "Transpose")):
            return f"{n.op_type} in blocks of {attribute(n, 'block_size')} beside Transpose"


def with_axes(op):
    def sight(net):
        return next((f"{op} with axes" for n in net.of(op) if attribute(n, "axes")), None)
    return sight


def twins(op, training=False):
    def sight(net):
        seen = collections.Counter(tuple(n.input) for n in net.of(op)
                                   if not training or np.any(net.value(slot(n, 2)) == np.True_))
        return next((f"two {op} of the same inputs" for count in seen.values() if count > 1), None)
    return sight


def zero_dimension(net):
    if any(t[1] and 0 in t[1] for t in net.types.values()):
        return "a tensor without elements"


# Group -> the operators that its optimizer needs (a finding may hold a shorter form than the known models do), and the
# sight of its root cause. A group that is not here is told by the operators that all its models have.
GROUPS = {
    "cse_bernoulli": ("Bernoulli Bernoulli", twins("Bernoulli")),
    "cse_dropout_train": ("Dropout Dropout", twins("Dropout", training=True)),
    "fusedmatmul_double": ("Transpose MatMul", no_double_kernel("FusedMatMul", "MatMul")),
    "ln_eps": ("ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul Add", odd_epsilon),
    "ln_scale_size1": ("ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul Add", scale_of_one),
    "nbits_f16_extended": ("DequantizeLinear MatMul", half_blocks),
    "pad_avgpool_ceil": ("Pad AveragePool", ceil_after_pad),
    "pad_feeds_weight": ("Pad Conv", pad_feeds_weight),
    "qdq_conv_pc_zp": ("DequantizeLinear DequantizeLinear Conv", weight_zero_points),
    "qdq_gemm_alpha_bias": ("DequantizeLinear DequantizeLinear Gemm", alpha_and_bias),
    "qdq_gemm_bias_scale": ("DequantizeLinear DequantizeLinear Gemm", odd_bias),
    "qdq_matmul_axis0": ("DequantizeLinear DequantizeLinear MatMul", row_scales),
    "qdq_neg_scale_maxpool": ("DequantizeLinear MaxPool QuantizeLinear", negative_scale),
    "qdq_resize_linear_int": ("DequantizeLinear Resize QuantizeLinear", interpolating_resize),
    "quickgelu_double": ("Sigmoid Mul", no_double_kernel("QuickGelu", "Sigmoid")),
    "reluclip_slot": ("Relu Clip", relu_feeds_limit),
    "reshape_chain_allowzero": ("Reshape", zero_dimension),
    "skipln_axis": ("Add LayerNormalization", early_axis),
    "skipln_gamma": ("Add LayerNormalization", odd_gamma),
    "sln_eps": ("Pow ReduceMean Add Sqrt Div Mul", odd_epsilon),
    "sln_node_exponent": ("Pow ReduceMean Add Sqrt Div Mul", computed_exponent),
    "sln_pow_exponent": ("Pow ReduceMean Add Sqrt Div Mul", other_exponent),
    "sln_scale_shape": ("Pow ReduceMean Add Sqrt Div Mul", widening_scale),
    "sln_scale_size1": ("Pow ReduceMean Add Sqrt Div Mul", scale_of_one),
    "tr_blocked_qdq": ("Transpose", blocked_by_transpose),
    "tr_centercroppad": ("Transpose CenterCropPad", with_axes("CenterCropPad")),
    "tr_resize18_axes": ("Transpose Resize", with_axes("Resize")),
}
