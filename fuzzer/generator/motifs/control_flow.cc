// If, Loop and Scan that a pass may take away, see through or must leave alone, and model-local functions
// that are called more than once.
#include <memory>

#include "fuzzer/generator/grow.h"
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

std::shared_ptr<const Expected> shared_exact(const Tensor& t) {
  return std::make_shared<const Expected>(exact(t));
}

ValueId int_scalar(Builder& b, std::int64_t n, Constness how = Constness::kInitializer) {
  return b.leaf(Tensor::of_ints(DType::kInt64, {}, {n}), how);
}

// A unary operator that keeps type and shape, in a nested graph.
ValueId inside(Builder& body, ValueId x) {
  static constexpr std::string_view kOps[] = {"Neg", "Abs", "Relu", "Sign"};
  for (int attempt = 0; attempt < 3; ++attempt) try {
      return body.node(body.rng().pick(kOps), {x});
    } catch (const CannotDraft&) {  // not for this type
    }
  return body.node("Identity", {x});
}

// Two operands of one type, in random order.
ValueId combine(Builder& body, ValueId a, ValueId b) {
  if (body.rng().chance(0.5)) std::swap(a, b);
  return body.node(body.rng().pick({"Add", "Mul", "Sub"}), {a, b});
}

// A constant of a nested graph: its own initializer, a node, or an initializer around it.
ValueId constant_in(Builder& body, const ArrayType& type) {
  return body.leaf(body.draw(type),
                   body.rng().chance(0.5) ? Constness::kInitializer : Constness::kConstantNode);
}

constexpr DTypeSet kComputable = {DType::kDouble, DType::kInt32, DType::kInt64};

// --- If ----------------------------------------------------------------------------------------------------

constexpr int kFirstOtherShapes = 11;  // opset in which the branches need not agree in shape

constexpr Guard kIf[] = {
    {"condition-constant", "the condition is constant"},
    {"one-output", "it has one output"},
    {"reads-outside", "its branches read what is around them"},
    {"computes", "its branches compute something, and do not only pass a value on"},
    {"flat", "its branches hold no graphs"},
    {"one-shape", "the branches give the same shape"},
    {"own-leaves", "the branches' constants are theirs"},
};

void if_constant(MotifBuilder& m) {
  Rng& rng = m.rng();
  Builder& b = m.builder();
  const ArrayType type{m.dtype(kComputable, "Add"), m.draw_dims(rng.range(0, 3))};
  const ValueId x = before(m, m.data(type), 0.5), y = m.data(type);
  const bool value = rng.chance(0.5);
  const Tensor decided = Tensor::of_ints(DType::kBool, rng.chance(0.8) ? Dims{} : Dims{1}, {value});
  const ValueId condition =
      m.holds("condition-constant")
          ? m.constant(decided)
          : (rng.chance(0.5) ? b.leaf(decided, Constness::kInput)
                             : m.op("Not", {m.op("Not", {b.leaf(decided, Constness::kInput)})}));
  const std::size_t outputs = m.holds("one-output") ? 1 : 2;
  const bool reads = m.holds("reads-outside"), computes = m.holds("computes"), flat = m.holds("flat"),
             one_shape = m.opset() < kFirstOtherShapes || m.holds("one-shape"), own = m.holds("own-leaves");
  const bool odd_then = rng.chance(0.5);
  const ValueId shared = own ? kNoValue : b.leaf(b.draw(type), Constness::kInitializer);
  std::vector<Attribute> branches;
  for (const bool then : {true, false}) {
    Builder branch(b, then ? "then" : "else");
    std::vector<ValueId> results;
    for (std::size_t o = 0; o < outputs; ++o) {
      ValueId v = reads ? branch.outer(rng.chance(0.5) ? x : y) : constant_in(branch, type);
      if (computes) {
        const ValueId with = own ? constant_in(branch, type) : branch.outer(shared);
        v = combine(branch, rng.chance(0.5) ? inside(branch, v) : v, with);
      }
      if (!flat && (o > 0 || outputs == 1)) {
        std::vector<Attribute> inner;
        for (const std::string_view name : {"then_branch", "else_branch"}) {
          Builder deep(branch, std::string(name));
          inner.push_back({.name = std::string(name), .value = deep.close({inside(deep, deep.outer(v))})});
        }
        v = branch.node("If", {draw_bool(branch, rng.chance(0.5))}, std::move(inner));
      }
      // The branch that is not taken says other dimensions.
      if (!one_shape && then == odd_then) {
        const ValueId other = constant_in(branch, {type.dtype, m.draw_dims(rng.range(0, 3))});
        v = rng.chance(0.5) ? inside(branch, other) : branch.node("Identity", {other});
      }
      results.push_back(v);
    }
    branches.push_back({.name = then ? "then_branch" : "else_branch", .value = branch.close(results)});
  }
  for (ValueId v : m.ops("If", {condition}, std::move(branches), outputs)) finish_with(m, v, 0.5);
}

constexpr Guard kShape[] = {
    {"dims-known", "the dimensions are known before the run"},
    {"shape-outside", "the shape is measured around the If"},
    {"condition-constant", "the condition is constant"},
    {"same-value", "what is reshaped is what was measured"},
};

// A shape that a branch reshapes to.
void if_shape(MotifBuilder& m) {
  Rng& rng = m.rng();
  Builder& b = m.builder();
  const DType t = m.dtype(kComputable, "Add");
  const Dims dims = m.draw_dims(rng.range(2, 3));
  ValueId x = before(m, m.data(t, dims), 0.5);
  if (m.breaks("dims-known")) x = hide_dims(m, x);
  const ValueId other = m.holds("same-value") ? x : m.data(t, factors(m, m.type(x).count(), 1));
  const ValueId shape = m.holds("shape-outside") ? m.op("Shape", {x}) : kNoValue;
  const ValueId condition = m.holds("condition-constant")
                                ? m.constant(Tensor::of_ints(DType::kBool, {}, {rng.chance(0.5)}))
                                : draw_bool(b, rng.chance(0.5));
  std::vector<Attribute> branches;
  for (const bool then : {true, false}) {
    Builder branch(b, then ? "then" : "else");
    const ValueId s = shape == kNoValue ? branch.node("Shape", {branch.outer(x)}) : branch.outer(shape);
    ValueId v = branch.outer(other);
    if (then == rng.chance(0.5)) {
      const ValueId first = branch.node("Gather", {s, int_scalar(branch, rng.pick({0, -1, 1}))});
      const ValueId one = branch.leaf(Tensor::ints({1}), Constness::kInitializer);
      const ValueId vector = branch.node("Reshape", {first, one});
      const ValueId rest = branch.leaf(Tensor::ints({-1}), Constness::kInitializer);
      const ValueId to = branch.node("Concat", {vector, rest}, {{.name = "axis", .value = std::int64_t{0}}});
      v = branch.node("Reshape", {branch.node("Reshape", {v, to}), s});
    } else {
      v = branch.node("Reshape", {inside(branch, v), s});
    }
    branches.push_back({.name = then ? "then_branch" : "else_branch", .value = branch.close({v})});
  }
  finish_with(m, m.op("If", {condition}, std::move(branches)), 0.5);
}

// --- Loop --------------------------------------------------------------------------------------------------

constexpr Guard kLoop[] = {
    {"one-trip", "there is one iteration"},
    {"count-constant", "the number of iterations is constant"},
    {"by-count", "only the count ends it"},
    {"carried-only", "nothing is stacked"},
    {"invariant", "something in it is the same in each iteration"},
    {"flat", "its body holds no graphs"},
    {"one-state", "one state is carried"},
};

void loop_once(MotifBuilder& m) {
  Rng& rng = m.rng();
  Builder& b = m.builder();
  const ArrayType type{m.dtype(kComputable, "Add"), m.draw_dims(rng.range(0, 3))};
  const ValueId x = before(m, m.data(type), 0.5);
  const std::int64_t trips = m.holds("one-trip") ? 1 : rng.pick({0, 2, 2, 3});
  const bool by_count = m.holds("by-count");
  const std::int64_t states = m.holds("one-state") ? 1 : 2;
  const bool stacks = m.breaks("carried-only"), invariant = m.holds("invariant"), flat = m.holds("flat");
  if (stacks && trips == 0) b.keep_dims();

  std::vector<ValueId> starts;
  for (std::int64_t s = 0; s < states; ++s) starts.push_back(m.data(type));
  Builder body(b, "body");
  const ValueId iteration = body.input(shared_exact(Tensor::of_ints(DType::kInt64, {}, {0})));
  ValueId on = body.input(shared_exact(Tensor::of_ints(DType::kBool, {}, {1})));
  std::vector<ValueId> now;
  for (ValueId v : starts) now.push_back(body.input(b.shared_value(v)));
  // Two states may change places.
  if (states == 2 && rng.chance(0.3)) std::swap(now[0], now[1]);
  const ValueId with =
      invariant
          ? combine(body, inside(body, body.outer(x)), constant_in(body, type))
          : body.node("Cast", {iteration}, {{.name = "to", .value = static_cast<std::int64_t>(type.dtype)}});
  for (ValueId& v : now)
    if (v == now.front() || rng.chance(0.6)) v = combine(body, v, with);
  if (!flat) {
    const ValueId one = int_scalar(body, 1);
    const ValueId early = body.node("Less", {iteration, one});
    std::vector<Attribute> branches;
    for (const std::string_view name : {"then_branch", "else_branch"}) {
      Builder branch(body, std::string(name));
      branches.push_back(
          {.name = std::string(name), .value = branch.close({inside(branch, branch.outer(now.front()))})});
    }
    now.front() = body.node("If", {early}, std::move(branches));
  }
  if (!by_count) on = body.node("Less", {iteration, int_scalar(body, trips - 1)});
  std::vector<ValueId> results = {on};
  results.insert(results.end(), now.begin(), now.end());
  if (stacks)
    results.push_back(rng.chance(0.5) ? inside(body, now.front()) : body.node("Identity", {iteration}));
  const std::size_t outputs = results.size() - 1;
  const GraphPtr graph = body.close(results);

  const std::int64_t most = trips + (by_count ? 0 : rng.range(0, 2));
  const Tensor count = Tensor::of_ints(DType::kInt64, {}, {most});
  std::vector<ValueId> inputs = {
      m.holds("count-constant") ? m.constant(count)
      : rng.chance(0.5)
          ? b.leaf(count, Constness::kInput)
          : m.op("Mul", {b.leaf(count, Constness::kInput), int_scalar(b, 1, Constness::kInitializer)}),
      rng.chance(0.4) ? kNoValue : m.constant(Tensor::of_ints(DType::kBool, {}, {1}))};
  inputs.insert(inputs.end(), starts.begin(), starts.end());
  for (ValueId v : m.ops("Loop", std::move(inputs), {{.name = "body", .value = graph}}, outputs))
    finish_with(m, v, 0.4);
}

// --- Scan --------------------------------------------------------------------------------------------------

constexpr Guard kScan[] = {
    {"identity", "its body passes its slices on"}, {"forward", "it goes forward"},
    {"axis-0", "it goes along the first axis"},    {"no-state", "nothing is carried"},
    {"one-input", "one value is scanned"},         {"reads-outside", "it reads nothing of what is around it"},
};

void scan_identity(MotifBuilder& m) {
  Rng& rng = m.rng();
  Builder& b = m.builder();
  ArrayType type{m.dtype(kComputable, "Add"), m.draw_dims(rng.range(1, 3))};
  const auto rank = static_cast<std::int64_t>(type.rank());
  const bool first_axis = m.holds("axis-0"), forward = m.holds("forward");
  const std::int64_t inputs = m.holds("one-input") ? 1 : 2;
  const bool passes = m.holds("identity"), carries = m.breaks("no-state"), reads = m.breaks("reads-outside");
  const std::int64_t axis = first_axis ? 0 : rng.range(rank > 1 ? 1 : 0, rank - 1);
  ArrayType part = type;
  part.dims.erase(part.dims.begin() + axis);
  const ValueId outside = reads ? m.data(part) : kNoValue;
  std::vector<ValueId> given, scanned;
  Builder body(b, "body");
  if (carries) {
    given.push_back(m.data(part));
    body.input(b.shared_value(given.front()));
  }
  std::vector<ValueId> slices;
  std::vector<std::int64_t> axes, directions;
  for (std::int64_t i = 0; i < inputs; ++i) {
    const ValueId x = before(m, m.data(type), 0.5);
    scanned.push_back(x);
    axes.push_back(m.opset() >= 11 && rng.chance(0.3) ? axis - rank : axis);
    directions.push_back(forward ? 0 : static_cast<std::int64_t>(i == 0 || rng.chance(0.5)));
    // Of the slices, only the type matters here: random values stand for them.
    slices.push_back(body.input(shared_exact(b.draw(part))));
  }
  std::vector<ValueId> results;
  if (carries) results.push_back(combine(body, body.graph().inputs.front(), slices.front()));
  std::vector<std::int64_t> out_axes, out_directions;
  for (ValueId s : slices) {
    ValueId v = passes ? body.node("Identity", {s}) : inside(body, s);
    if (reads) v = combine(body, v, body.outer(outside));
    results.push_back(v);
    std::int64_t to = first_axis ? 0 : rng.range(0, rank - 1);
    if (m.opset() >= 11 && rng.chance(0.2)) to -= rank;
    out_axes.push_back(to);
    out_directions.push_back(forward ? 0 : static_cast<std::int64_t>(rng.chance(0.5)));
  }
  const std::size_t outputs = results.size();
  std::vector<Attribute> attributes = {{.name = "num_scan_inputs", .value = inputs}};
  const auto add = [&](std::string_view name, const std::vector<std::int64_t>& list) {
    const bool usual = std::all_of(list.begin(), list.end(), [](auto n) { return n == 0; });
    if (!usual || rng.chance(0.3)) attributes.push_back({.name = std::string(name), .value = list});
  };
  add("scan_input_axes", axes);
  add("scan_input_directions", directions);
  add("scan_output_axes", out_axes);
  add("scan_output_directions", out_directions);
  attributes.push_back({.name = "body", .value = body.close(results)});
  given.insert(given.end(), scanned.begin(), scanned.end());
  for (ValueId v : m.ops("Scan", std::move(given), std::move(attributes), outputs)) finish_with(m, v, 0.4);
}

// --- Functions ---------------------------------------------------------------------------------------------

constexpr Guard kCalls[] = {
    {"attribute-given", "callers give the slope"},
    {"same-attribute", "both callers give the same"},
    {"same-inputs", "both read the same"},
    {"no-calls", "the function calls no other"},
    {"chained", "the second reads what the first makes"},
};

// A function of a slope, called twice.
void function_calls(MotifBuilder& m) {
  Rng& rng = m.rng();
  Builder& b = m.builder();
  if (b.isolated()) throw CannotDraft{};
  const ArrayType type{DType::kFloat, m.draw_dims(rng.range(0, 3))};
  const ValueId x = before(m, m.data(type), 0.5), y = m.data(type);
  const bool attribute = m.holds("attribute-given");
  const auto slope = static_cast<float>(rng.range(1, 6)) / 8;

  const auto leaky = [&](Builder& body, ValueId v) {
    return body.node(rng.pick({"LeakyRelu", "Elu"}), {v}, {{.name = "alpha", .value = slope}});
  };
  // The attribute of every node that has one is the caller's.
  const auto finish = [&](Builder& body, const std::vector<ValueId>& results) {
    Graph g = *body.close(results);
    Builder::LocalFunction f{.name = b.fresh_function(), .inputs = {type, type}, .outputs = 1};
    if (attribute) {
      for (Node& n : g.nodes)
        for (Attribute& a : n.attributes)
          if (a.name == "alpha" || a.name == "slope") a.reference = "slope";
      f.attributes.push_back({.name = "slope", .value = slope});
    }
    b.add_function(std::make_shared<const Graph>(std::move(g)), f);
    return f;
  };
  std::optional<Builder::LocalFunction> inner;
  if (m.breaks("no-calls")) {
    Builder body(b, "inner", true);
    const ValueId u = body.input(b.shared_value(x)), v = body.input(b.shared_value(y));
    inner = finish(body, {combine(body, leaky(body, u), v)});
  }
  Builder body(b, "outer", true);
  const ValueId u = body.input(b.shared_value(x)), v = body.input(b.shared_value(y));
  ValueId w = combine(body, leaky(body, u), v);
  if (inner) w = body.nodes(inner->name, {w, v}, inner->attributes, 1, Builder::kLocalDomain).front();
  if (rng.chance(0.4)) w = combine(body, w, constant_in(body, type));
  const Builder::LocalFunction f = finish(body, {w});

  std::vector<Attribute> other = f.attributes;
  if (attribute && m.breaks("same-attribute")) other[0].value = slope + 0.25f;
  std::vector<ValueId> first = {x, y}, second = first;
  if (m.breaks("same-inputs")) second = rng.chance(0.5) ? std::vector{y, x} : std::vector{x, m.data(type)};
  const ValueId one = m.ops(f.name, first, f.attributes, 1, Builder::kLocalDomain).front();
  if (m.holds("chained")) second[rng.below(2)] = one;
  const ValueId two = m.ops(f.name, second, other, 1, Builder::kLocalDomain).front();
  finish_with(m, m.op("Add", {one, two}), 0.5);
}

constexpr Motif motifs[] = {
    {.name = "if-constant", .aims_at = "ConstantFolding", .guards = kIf, .build = if_constant},
    {.name = "if-shape", .aims_at = "ConstantFolding;ReshapeFusion", .guards = kShape, .build = if_shape},
    {.name = "loop-once",
     .aims_at = "ConstantFolding;CommonSubexpressionElimination",
     .guards = kLoop,
     .build = loop_once},
    {.name = "scan-identity",
     .aims_at = "EliminateIdentity;ConstantFolding",
     .guards = kScan,
     .build = scan_identity},
    {.name = "function-calls",
     .aims_at = "CommonSubexpressionElimination;ConstantFolding",
     .guards = kCalls,
     .build = function_calls},
};

}  // namespace

namespace family {
extern const MotifFamily control_flow;
const MotifFamily control_flow = motifs;
}  // namespace family

}  // namespace mob::motifs
