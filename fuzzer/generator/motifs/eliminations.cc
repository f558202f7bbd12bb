// Nodes that change nothing, or seem to: what rewrite rules take out of the graph.
#include <cmath>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kMany = {DType::kDouble, DType::kFloat16, DType::kInt32,
                            DType::kInt64,  DType::kInt8,    DType::kUint8};

// --- Identity ------------------------------------------------------------------------------------------

constexpr Guard kIdentity[] = {
    {"inner", "the Identity stands between nodes"},
    {"one-reader", "its input has no other reader"},
    {"reads-data", "its input is no constant"},
};

void identity(MotifBuilder& m) {
  const DType t = m.dtype(kMany | DTypeSet{DType::kBool}, "Identity");
  const Dims dims = m.draw_dims(m.rng().range(0, 3));
  const bool inner = m.holds("inner");
  ValueId x = m.holds("reads-data") ? m.data(t, dims) : m.weight(t, dims);
  if (inner) x = neighbour(m, x);
  ValueId y = m.op("Identity", {x});
  if (!inner && m.rng().chance(0.3)) y = m.op("Identity", {y});
  if (m.breaks("one-reader")) {
    if (m.rng().chance(0.4)) m.builder().expose(x);
    // The same value twice in one node, by two names.
    if (m.rng().chance(0.6))
      return m.result(m.op("Concat", {x, y}, {{.name = "axis", .value = std::int64_t{0}}}));
    m.result(neighbour(m, x));
    if (m.rng().chance(0.4)) m.result(m.op("Identity", {x}));
  }
  finish_with(m, y, inner ? 1 : 0.3);
}

// --- Slice ---------------------------------------------------------------------------------------------

constexpr Guard kSlice[] = {
    {"whole", "every slice is from 0 to the largest integer"},
    {"step-1", "every step is 1"},
    {"int64", "starts and ends are int64"},
};

void slice(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kMany | DTypeSet{DType::kBool}, "Slice");
  const std::int64_t rank = rng.range(1, 4);
  const Dims dims = m.draw_dims(rank);
  const ValueId x = before(m, m.data(t, dims));
  auto axes = rng.permutation(static_cast<std::size_t>(rank));
  axes.resize(static_cast<std::size_t>(rng.range(1, rank)));
  std::vector<std::int64_t> starts(axes.size(), 0), ends(axes.size(), INT64_MAX), steps(axes.size(), 1);
  const bool whole = m.holds("whole");
  const bool longs = m.opset() < 10 || m.holds("int64");
  if (!longs) std::fill(ends.begin(), ends.end(), INT32_MAX);
  if (!whole) {
    const std::size_t i = rng.below(axes.size());
    const std::int64_t n = dims[static_cast<std::size_t>(axes[i])];
    switch (rng.below(6)) {
      case 0:
        starts[i] = rng.range(0, n);
        break;
      case 1:
        ends[i] = rng.range(0, n);
        break;
      case 2:
        ends[i] = rng.pick({n, n + 1, std::int64_t{INT32_MAX}, -n, std::int64_t{-1}});
        break;
      case 3:
        starts[i] = -rng.range(1, n + 1);
        break;
      case 4:
        starts[i] = n;
        break;
      default:
        ends[i] = 0;
        break;
    }
  }
  if (m.opset() >= 10 && m.breaks("step-1")) {
    const std::size_t i = rng.below(axes.size());
    steps[i] = rng.pick({2, 3, -1, -1, -2});
    if (steps[i] < 0 && rng.chance(0.7)) {
      starts[i] = longs ? INT64_MAX : INT32_MAX;
      ends[i] = longs ? INT64_MIN : INT32_MIN;
    }
  }
  // Axes are left out only where they are the first ones in order.
  bool given = rng.chance(0.7);
  if (!given) std::sort(axes.begin(), axes.end());
  for (std::size_t i = 0; i < axes.size(); ++i) given = given || axes[i] != static_cast<std::int64_t>(i);
  for (auto& a : axes)
    if (given && m.opset() >= 10) a = maybe_negative(m, a, rank);
  if (m.opset() < 10) {
    std::vector<Attribute> attributes = {{.name = "starts", .value = starts},
                                         {.name = "ends", .value = ends}};
    if (given) attributes.push_back({.name = "axes", .value = axes});
    return finish_with(m, m.op("Slice", {x}, std::move(attributes)));
  }
  const auto vector = [&](const std::vector<std::int64_t>& v) {
    return m.constant(
        Tensor::of_ints(longs ? DType::kInt64 : DType::kInt32, {static_cast<std::int64_t>(v.size())}, v));
  };
  std::vector<ValueId> inputs = {x, vector(starts), vector(ends)};
  const bool stepped = std::count(steps.begin(), steps.end(), 1) != static_cast<std::ptrdiff_t>(steps.size());
  const bool with_steps = stepped || rng.chance(0.5);
  if (given)
    inputs.push_back(vector(axes));
  else if (with_steps)
    inputs.push_back(kNoValue);
  if (with_steps) inputs.push_back(vector(steps));
  finish_with(m, m.op("Slice", inputs));
}

// --- Unsqueeze of a constant ---------------------------------------------------------------------------

constexpr Guard kUnsqueeze[] = {
    {"axes-sorted", "the axes are in order"},
    {"axes-positive", "no axis is negative"},
    {"no-empty", "the constant has elements"},
    {"read-once", "the constant has no other reader"},
};

void unsqueeze_constant(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kMany, "Unsqueeze");
  Dims dims = m.draw_dims(rng.range(0, 2));
  if (!dims.empty() && m.breaks("no-empty")) dims[rng.below(dims.size())] = 0;
  const std::int64_t added = rng.range(1, 2), rank = static_cast<std::int64_t>(dims.size()) + added;
  auto axes = rng.permutation(static_cast<std::size_t>(rank));
  axes.resize(static_cast<std::size_t>(added));
  std::sort(axes.begin(), axes.end());
  if (added > 1 && m.breaks("axes-sorted")) std::reverse(axes.begin(), axes.end());
  if (m.opset() >= 11 && m.breaks("axes-positive"))
    for (auto& a : axes)
      if (rng.chance(0.7)) a -= rank;
  const ValueId c = m.weight(t, dims, {.integral = rng.chance(0.3)});
  const ValueId u = m.unsqueeze(c, axes);
  Dims full = m.dims(u);
  for (auto& n : full)
    if (n == 1 && rng.chance(0.5)) n = m.size();
  const ValueId x = before(m, m.data(t, full));
  m.result(m.commutative(rng.pick({"Add", "Mul"}), x, u));
  if (m.breaks("read-once"))
    m.result(rng.chance(0.5) ? m.unsqueeze(c, axes) : m.commutative("Add", c, m.data(t, m.dims(c))));
}

// --- Dropout -------------------------------------------------------------------------------------------

constexpr Guard kDropout[] = {
    {"no-mask", "the mask is not used"},
    {"no-training", "there is no training"},
    {"ratio-plain", "the ratio is the usual one"},
};

void dropout(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Dropout");
  const ValueId x = before(m, m.data(t, m.draw_dims(rng.range(0, 3))));
  const bool plain = m.holds("ratio-plain");
  const double ratio = plain ? 0.5 : rng.pick({0.0, 0.0, 0.1, 0.999});
  const std::size_t outputs = m.opset() >= 12 && m.breaks("no-mask") ? 2 : 1;
  std::vector<ValueId> inputs = {x};
  std::vector<Attribute> attributes;
  if (m.opset() < 12) {
    if (!plain || rng.chance(0.5))
      attributes.push_back({.name = "ratio", .value = static_cast<float>(ratio)});
  } else {
    const bool training = m.breaks("no-training");
    const bool with_ratio = !plain || training || rng.chance(0.5);
    const bool with_mode = training || rng.chance(0.4);
    if (with_ratio)
      inputs.push_back(m.constant(Tensor::scalar(rng.chance(0.7) ? DType::kFloat : DType::kDouble,
                                                 training && rng.chance(0.7) ? 0 : ratio)));
    else if (with_mode)
      inputs.push_back(kNoValue);
    if (with_mode) inputs.push_back(m.constant(Tensor::scalar(DType::kBool, training ? 1 : 0)));
    if (rng.chance(0.1)) attributes.push_back({.name = "seed", .value = std::int64_t{7}});
  }
  const auto y = m.ops("Dropout", inputs, std::move(attributes), outputs);
  if (outputs == 2) m.result(rng.chance(0.5) ? m.op("Not", {y[1]}) : y[1]);
  if (outputs == 2 && rng.chance(0.2)) return;
  finish_with(m, y[0]);
}

// --- Expand --------------------------------------------------------------------------------------------

constexpr Guard kExpand[] = {
    {"not-larger", "no dimension grows"},
    {"rank-not-larger", "the shape is not longer than the input's"},
    {"no-zero", "the shape holds no 0"},
    {"dims-known", "the input's dimensions are known"},
};

void expand(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kMany | DTypeSet{DType::kBool}, "Expand");
  const std::int64_t rank = rng.range(1, 4);
  Dims dims = m.draw_dims(rank);
  Dims shape = dims;
  for (auto& n : shape)
    if (rng.chance(0.4)) n = 1;
  const std::size_t at = rng.below(dims.size());
  if (m.breaks("not-larger")) {
    dims[at] = 1;
    shape[at] = rng.range(2, 4);
  }
  if (m.breaks("no-zero")) {
    dims[at] = rng.chance(0.85) ? 1 : 0;
    shape[at] = 0;
  }
  if (m.breaks("rank-not-larger"))
    shape.insert(shape.begin(), static_cast<std::size_t>(rng.range(1, 2)), rng.pick({1, 1, 2}));
  else if (rng.chance(0.3))
    shape.erase(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(rng.below(shape.size())));
  ValueId x = before(m, m.data(t, dims));
  if (m.breaks("dims-known")) x = hide_dims(m, x);
  finish_with(m, m.op("Expand", {x, m.ints(shape)}));
}

// --- x + 0, x - 0, x * 1, x / 1 ------------------------------------------------------------------------

constexpr Guard kNoop[] = {
    {"neutral", "the constant is exactly neutral"},
    {"constant-second", "of Sub and Div, the constant is the second operand"},
    {"rank-not-larger", "the constant's rank is not above the other's"},
    {"one-element", "the constant has one element"},
    {"no-empty", "the constant is not empty"},
};

void noop(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kMany, "Add");
  const std::int64_t rank = rng.range(1, 4);
  Dims dims = m.draw_dims(rank);
  const std::string_view op = rng.pick({"Add", "Sub", "Mul", "Div"});
  const bool additive = op == "Add" || op == "Sub";
  double value = additive ? 0 : 1;
  if (m.breaks("neutral")) {
    if (is_float(t) && rng.chance(0.7))
      // Some are neutral once they are rounded to a narrower type.
      value = additive ? rng.pick({-0.0, 1e-7, 1e-50, 1e-3, 1.0, 3e-46})
                       : rng.pick({1 + 1e-9, 1 + 1e-6, 0.999, -1.0, 2.0});
    else
      value = additive ? 1 : rng.pick({-1.0, 2.0, 3.0});
    if (value < 0 && (t == DType::kUint8)) value = 2;
  }
  Dims shape;
  if (rng.chance(0.5)) shape.assign(static_cast<std::size_t>(rng.range(0, rank)), 1);
  if (m.breaks("rank-not-larger")) shape.assign(static_cast<std::size_t>(rank + rng.range(1, 2)), 1);
  if (m.breaks("one-element")) {
    if (shape.empty()) shape = {1};
    // Along a dimension of 1 (which grows) or of its own size.
    const std::size_t i = rng.below(std::min(shape.size(), dims.size()));
    std::int64_t& of_x = dims[dims.size() - 1 - i];
    if (rng.chance(0.6)) of_x = 1;
    shape[shape.size() - 1 - i] = of_x == 1 ? rng.range(2, 4) : of_x;
  }
  if (m.breaks("no-empty")) {
    if (shape.empty()) shape = {1};
    const std::size_t i = rng.below(std::min(shape.size(), dims.size()));
    shape[shape.size() - 1 - i] = 0;
    dims[dims.size() - 1 - i] = rng.chance(0.8) ? 1 : 0;
  }
  ValueRange range{.low = is_float(t) ? -2.0 : 0.0, .high = is_float(t) ? 2.0 : 9.0, .away_from_zero = 0.1};
  if (!is_float(t)) range.low = 1;
  const ValueId x = before(m, m.data(t, dims, range));
  const bool scalar = shape.empty() && rng.chance(0.7);
  const ValueId c =
      scalar ? m.scalar(t, value)
             : m.constant(Tensor::of(
                   t, shape, std::vector<double>(static_cast<std::size_t>(element_count(shape)), value)));
  ValueId y;
  if (op == "Add" || op == "Mul")
    y = m.commutative(op, x, c);
  else
    y = m.holds("constant-second") ? m.op(op, {x, c}) : m.op(op, {c, x});
  finish_with(m, y, 0.95);
}

// --- Not before Where ----------------------------------------------------------------------------------

constexpr Guard kNotWhere[] = {
    {"only-condition", "the negated value is read as a condition only"},
    {"one-where", "one Where reads it"},
    {"condition-made", "the condition comes out of a node"},
    {"one-not", "it is negated once"},
    {"no-broadcast", "condition and branches have one shape"},
    {"two-branches", "the branches are two values"},
};

void not_where(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kInt32, DType::kInt64, DType::kUint8, DType::kDouble});
  const Dims dims = m.draw_dims(rng.range(1, 3));
  ValueId c;
  if (m.holds("condition-made") && rng.chance(0.7))
    c = m.op(rng.pick({"Less", "Greater"}), {m.data(DType::kFloat, dims), m.data(DType::kFloat, dims)});
  else
    c = m.data(DType::kBool, dims);
  ValueId n = m.op("Not", {c});
  if (m.breaks("one-not")) n = m.op("Not", {n});
  const bool broadcast = m.breaks("no-broadcast");
  const auto branch = [&] {
    Dims d = dims;
    if (broadcast)
      for (auto& k : d)
        if (rng.chance(0.4)) k = 1;
    if (broadcast && rng.chance(0.4)) d.insert(d.begin(), 2);
    const ValueId v = rng.chance(0.8) ? m.data(t, d) : m.weight(t, d);
    return before(m, v, 0.4);
  };
  const ValueId a = branch(), b = m.breaks("two-branches") ? a : branch();
  m.result(m.op("Where", {n, a, b}));
  if (m.breaks("one-where")) {
    m.result(m.op("Where", {n, branch(), rng.chance(0.4) ? a : branch()}));
    if (rng.chance(0.3)) m.result(m.op("Where", {c, a, b}));
  }
  if (m.breaks("only-condition")) {
    // A branch, too: the negated value stands in two slots. (Few systems have Where of booleans.)
    try {
      m.result(rng.chance(0.5) ? m.op("Where", {n, n, m.data(DType::kBool, dims)})
                               : m.op("Where", {n, m.data(DType::kBool, dims), n}));
    } catch (const CannotDraft&) {
      if (rng.chance(0.5))
        m.result(m.op("Where", {n, m.cast(n, t), b}));
      else
        m.result(m.op(rng.pick({"And", "Or", "Xor"}), {n, c}));
    }
  }
}

// --- Cast before Shape ---------------------------------------------------------------------------------

constexpr Guard kPreShape[] = {
    {"shape-only", "only Shape reads the Cast"},
    {"made", "the Cast reads a node's output"},
    {"shape", "the reader is Shape, not another operator that only looks at dimensions"},
    {"dims-open", "the dimensions are not known before the run"},
};

void pre_shape(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kMany, "Cast");
  Dims dims = m.draw_dims(rng.range(0, 3), 0);
  ValueId x = m.data(t, dims, {.low = 0, .high = 4});
  if (m.holds("dims-open")) x = hide_dims(m, x);
  if (m.holds("made")) x = neighbour(m, x);
  const ValueId c =
      m.cast(x, rng.pick({DType::kInt64, DType::kInt32, DType::kDouble, DType::kFloat16, DType::kBool}));
  const bool shape = m.holds("shape");
  const auto measure = [&] {
    std::vector<Attribute> part;
    if (shape && m.opset() >= 15 && rng.chance(0.15))
      part.push_back({.name = "start", .value = std::int64_t{-1}});
    return m.op(shape ? "Shape" : "Size", {c}, std::move(part));
  };
  finish_with(m, measure(), 0.6);
  if (rng.chance(0.2)) m.result(measure());
  if (m.breaks("shape-only")) finish_with(m, c, 0.8);
}

// --- Other nodes that change nothing -------------------------------------------------------------------

constexpr Guard kOther[] = {
    {"nothing", "the node changes nothing"},
    {"inner", "it stands between nodes"},
};

void other(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kInt32, DType::kInt64, DType::kFloat16});
  const std::int64_t rank = rng.range(1, 4);
  const Dims dims = m.draw_dims(rank);
  const bool inner = m.holds("inner"), nothing = m.holds("nothing");
  ValueId x = m.data(t, dims, {.low = 0.5, .high = 3});
  if (inner) x = neighbour(m, x);
  const std::int64_t axis = rng.range(0, rank - 1);
  std::vector<std::int64_t> order(static_cast<std::size_t>(rank)),
      zeros(static_cast<std::size_t>(2 * rank), 0), ones(static_cast<std::size_t>(rank), 1);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  ValueId y;
  switch (rng.below(13)) {
    case 0:
      y = m.transpose(x, nothing ? order : rng.permutation(order.size()));
      break;
    case 1: {
      const auto perm = rng.permutation(order.size());
      for (std::size_t i = 0; i < perm.size(); ++i)
        order[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
      y = m.transpose(m.transpose(x, perm), nothing ? order : perm);
      break;
    }
    case 2:
      if (!nothing) zeros[rng.below(zeros.size())] = rng.pick({1, 1, -1});
      y = m.pad(x, zeros, 0);
      break;
    case 3:
      y = m.op("Pow", {x, m.scalar(t, nothing ? 1 : 2)});
      break;
    case 4: {
      const ValueId c = m.data(DType::kBool, dims);
      y = m.op("Where", {c, x, nothing ? x : neighbour(m, x)});
      break;
    }
    case 5: {
      const std::string_view op =
          rng.pick({"ReduceSum", "ReduceMax", "ReduceMean", "ReduceProd", "ReduceSumSquare"});
      if (m.opset() < (op == "ReduceSum" ? 13 : 18)) throw CannotDraft{};
      std::vector<Attribute> attributes;
      if (nothing || rng.chance(0.5))
        attributes.push_back({.name = "noop_with_empty_axes", .value = std::int64_t{nothing}});
      std::vector<ValueId> inputs = {x};
      if (rng.chance(0.6)) inputs.push_back(m.ints({}));
      y = m.op(op, inputs, std::move(attributes));
      break;
    }
    case 6:
      y = nothing ? m.op("Concat", {x}, {{.name = "axis", .value = axis}})
                  : m.op("Concat", {x, m.weight(t, dims)}, {{.name = "axis", .value = axis}});
      break;
    case 7:
      y = m.op(rng.pick({"Sum", "Max", "Min", "Mean"}),
               nothing ? std::vector{x} : std::vector{x, m.weight(t, dims)});
      break;
    case 8:
      y = nothing || m.opset() < 11 ? m.op("Clip", {x}) : m.op("Clip", {x, kNoValue, m.scalar(t, 1.5)});
      break;
    case 9:
      if (!nothing) ones[rng.below(ones.size())] = rng.pick({0, 2});
      y = m.op("Tile", {x, m.ints(ones)});
      break;
    case 10:
      y = m.op("Flatten", {x}, {{.name = "axis", .value = nothing ? 1 : rng.range(0, rank)}});
      break;
    case 11:
      y = m.split(x, axis,
                  nothing ? std::vector{dims[static_cast<std::size_t>(axis)]}
                          : std::vector<std::int64_t>{1, dims[static_cast<std::size_t>(axis)] - 1})
              .front();
      break;
    default:
      y = m.reshape(x, nothing ? dims : factors(m, m.type(x).count(), 1));
      break;
  }
  finish_with(m, y, inner ? 1 : 0);
}

constexpr Motif motifs[] = {
    {.name = "identity", .aims_at = "EliminateIdentity", .guards = kIdentity, .build = identity},
    {.name = "slice-whole", .aims_at = "EliminateSlice", .guards = kSlice, .build = slice},
    {.name = "unsqueeze-constant",
     .aims_at = "UnsqueezeElimination;ConstantFolding",
     .guards = kUnsqueeze,
     .build = unsqueeze_constant},
    {.name = "dropout", .aims_at = "EliminateDropout", .guards = kDropout, .build = dropout},
    {.name = "expand-noop", .aims_at = "ExpandElimination", .guards = kExpand, .build = expand},
    {.name = "arithmetic-noop", .aims_at = "NoopElimination", .guards = kNoop, .build = noop},
    {.name = "not-where", .aims_at = "NotWhereFusion", .guards = kNotWhere, .build = not_where},
    {.name = "cast-before-shape",
     .aims_at = "PreShapeNodeElimination",
     .guards = kPreShape,
     .since = 13,
     .build = pre_shape},
    {.name = "changes-nothing",
     .aims_at = "TransposeOptimizer;ReshapeFusion;ConstantFolding",
     .guards = kOther,
     .build = other},
};

}  // namespace

namespace family {
extern const MotifFamily eliminations;
const MotifFamily eliminations = motifs;
}  // namespace family

}  // namespace mob::motifs
