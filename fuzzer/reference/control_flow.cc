#include "fuzzer/reference/control_flow.h"

#include <limits>

#include "fuzzer/ops/kernels.h"

namespace mob {
namespace {

constexpr std::int64_t kMostIterations = 10000;

const Graph& body_of(const Node& node, std::string_view name) {
  const Attribute* a = node.attribute(name);
  const auto* g = a == nullptr ? nullptr : std::get_if<GraphPtr>(&a->value);
  if (g == nullptr || *g == nullptr) throw InvalidNode("has no graph '" + std::string(name) + "'");
  return **g;
}

// The one integer or bool that an input or a condition holds.
std::int64_t number(const ExpectedPtr& x, std::string_view what) {
  if (x == nullptr || x->elements || !x->holds_ints() || x->count() != 1)
    throw InvalidNode(std::string(what) + " is not one number");
  if (x->ints().bound(0) != 0) throw Unsupported(std::string(what) + " is undecided");
  return x->ints().v[0];
}

ExpectedPtr scalar(DType t, std::int64_t v) {
  Expected x(ArrayType{t, {}});
  x.ints().v[0] = v;
  return std::make_shared<const Expected>(std::move(x));
}

// Element `index` along an axis, which goes.
ExpectedPtr slice_of(const Expected& x, std::size_t axis, std::int64_t index) {
  Dims dims = x.type.dims;
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  Expected out(ArrayType{x.type.dtype, dims});
  const auto before = static_cast<std::size_t>(ops::product(x.type.dims, 0, axis));
  const auto behind = static_cast<std::size_t>(ops::product(x.type.dims, axis + 1, x.type.rank()));
  const auto size = static_cast<std::size_t>(x.type.dims[axis]);
  for (std::size_t b = 0; b < before; ++b)
    ops::copy_range(x, (b * size + static_cast<std::size_t>(index)) * behind, out, b * behind, behind);
  return std::make_shared<const Expected>(std::move(out));
}

// What each iteration gave, along a new axis; where there was none, by what the graph says of its output.
class Stack {
 public:
  Stack(const Value& output, std::int64_t axis, bool backwards)
      : output_(output), axis_(axis), backwards_(backwards) {}

  void push(ExpectedPtr x) {
    if (x == nullptr || x->elements) throw InvalidNode("what is stacked is no tensor");
    if (!parts_.empty() && x->type != parts_.front()->type)
      throw InvalidNode("what is stacked differs in its shape");
    parts_.push_back(std::move(x));
  }

  ExpectedPtr stacked() const {
    const ArrayType part = parts_.empty() ? declared_part() : parts_.front()->type;
    Dims dims = part.dims;
    const auto axis =
        static_cast<std::size_t>(Inference::axis(axis_, static_cast<std::int64_t>(dims.size()) + 1));
    const std::size_t n = parts_.size();
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), static_cast<std::int64_t>(n));
    Expected out(ArrayType{part.dtype, dims});
    const auto before = static_cast<std::size_t>(ops::product(part.dims, 0, axis));
    const auto behind = static_cast<std::size_t>(ops::product(part.dims, axis, part.rank()));
    for (std::size_t i = 0; i < n; ++i) {
      const Expected& x = *parts_[backwards_ ? n - 1 - i : i];
      for (std::size_t b = 0; b < before; ++b)
        ops::copy_range(x, b * behind, out, (b * n + i) * behind, behind);
    }
    return std::make_shared<const Expected>(std::move(out));
  }

 private:
  ArrayType declared_part() const {
    if (!output_.type || !output_.type->shape) throw Unsupported("nothing is stacked, of unknown shape");
    ArrayType t{output_.type->dtype, {}};
    for (const Dim& d : *output_.type->shape) {
      if (d.value < 0) throw Unsupported("nothing is stacked, of unknown shape");
      t.dims.push_back(d.value);
    }
    return t;
  }

  const Value& output_;
  std::int64_t axis_;
  bool backwards_;
  std::vector<ExpectedPtr> parts_;
};

std::vector<ExpectedPtr> run_if(const Node& node, std::span<const ExpectedPtr> inputs, const RunBody& run) {
  const Graph& then = body_of(node, "then_branch");
  const Graph& otherwise = body_of(node, "else_branch");
  if (inputs.size() != 1) throw InvalidNode("If has one input");
  return run(number(inputs[0], "the condition of If") != 0 ? then : otherwise, {});
}

std::vector<ExpectedPtr> run_loop(const Node& node, std::span<const ExpectedPtr> inputs, const RunBody& run) {
  const Graph& body = body_of(node, "body");
  const std::size_t carried = inputs.size() < 2 ? 0 : inputs.size() - 2;
  if (body.inputs.size() != carried + 2 || body.outputs.size() < carried + 1)
    throw InvalidNode("the body of Loop has another number of inputs or outputs");
  const std::int64_t most = inputs.empty() || inputs[0] == nullptr ? std::numeric_limits<std::int64_t>::max()
                                                                   : number(inputs[0], "the trip count");
  bool on = inputs.size() < 2 || inputs[1] == nullptr || number(inputs[1], "the condition of Loop") != 0;
  std::vector<ExpectedPtr> state;
  for (std::size_t i = 0; i < carried; ++i) state.push_back(inputs[i + 2]);
  std::vector<Stack> stacks;
  for (std::size_t o = carried + 1; o < body.outputs.size(); ++o)
    stacks.emplace_back(body[body.outputs[o]], 0, false);
  for (std::int64_t i = 0; i < most && on; ++i) {
    if (i >= kMostIterations) throw Unsupported("Loop takes too many iterations");
    std::vector<ExpectedPtr> given = {scalar(DType::kInt64, i), scalar(DType::kBool, 1)};
    given.insert(given.end(), state.begin(), state.end());
    const std::vector<ExpectedPtr> made = run(body, std::move(given));
    on = number(made[0], "the condition of Loop") != 0;
    for (std::size_t s = 0; s < carried; ++s) state[s] = made[s + 1];
    for (std::size_t s = 0; s < stacks.size(); ++s) stacks[s].push(made[carried + 1 + s]);
  }
  for (const Stack& s : stacks) state.push_back(s.stacked());
  return state;
}

// The i-th of a list attribute, where it is given.
std::int64_t entry(const Node& node, std::string_view attribute, std::size_t i, std::size_t size) {
  const auto list = node.ints_or(attribute, {});
  if (list.empty()) return 0;
  if (list.size() != size) throw InvalidNode(std::string(attribute) + " has another length");
  return list[i];
}

std::vector<ExpectedPtr> run_scan(const Node& node, std::span<const ExpectedPtr> inputs, const RunBody& run) {
  const Graph& body = body_of(node, "body");
  const std::int64_t scans = node.int_or("num_scan_inputs", 0);
  if (scans < 1 || scans > static_cast<std::int64_t>(inputs.size()) || body.inputs.size() != inputs.size())
    throw InvalidNode("the body of Scan has another number of inputs");
  const auto scanned = static_cast<std::size_t>(scans);
  const std::size_t states = inputs.size() - scanned;
  if (body.outputs.size() < states) throw InvalidNode("the body of Scan has too few outputs");
  const std::size_t made_scans = body.outputs.size() - states;

  std::vector<ExpectedPtr> state(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(states));
  std::vector<std::size_t> axes;
  std::int64_t length = -1;
  for (std::size_t i = 0; i < scanned; ++i) {
    if (inputs[states + i] == nullptr) throw InvalidNode("an input of Scan is missing");
    const Dims& dims = inputs[states + i]->type.dims;
    axes.push_back(static_cast<std::size_t>(
        Inference::axis(entry(node, "scan_input_axes", i, scanned), static_cast<std::int64_t>(dims.size()))));
    if (length >= 0 && dims[axes.back()] != length) throw InvalidNode("the inputs of Scan differ in length");
    length = dims[axes.back()];
  }
  std::vector<Stack> stacks;
  for (std::size_t o = 0; o < made_scans; ++o)
    stacks.emplace_back(body[body.outputs[states + o]], entry(node, "scan_output_axes", o, made_scans),
                        entry(node, "scan_output_directions", o, made_scans) != 0);
  for (std::int64_t t = 0; t < length; ++t) {
    std::vector<ExpectedPtr> given = state;
    for (std::size_t i = 0; i < scanned; ++i) {
      const bool backwards = entry(node, "scan_input_directions", i, scanned) != 0;
      given.push_back(slice_of(*inputs[states + i], axes[i], backwards ? length - 1 - t : t));
    }
    const std::vector<ExpectedPtr> made = run(body, std::move(given));
    for (std::size_t s = 0; s < states; ++s) {
      if (made[s]->type != state[s]->type) throw InvalidNode("a state of Scan changes its type");
      state[s] = made[s];
    }
    for (std::size_t o = 0; o < made_scans; ++o) stacks[o].push(made[states + o]);
  }
  for (const Stack& s : stacks) state.push_back(s.stacked());
  return state;
}

}  // namespace

bool is_control_flow(const Node& node) {
  return node.domain.empty() && (node.op_type == "If" || node.op_type == "Loop" || node.op_type == "Scan");
}

std::vector<ExpectedPtr> run_control_flow(const Node& node, std::span<const ExpectedPtr> inputs,
                                          const RunBody& run) {
  std::vector<ExpectedPtr> made = node.op_type == "If"     ? run_if(node, inputs, run)
                                  : node.op_type == "Loop" ? run_loop(node, inputs, run)
                                                           : run_scan(node, inputs, run);
  if (node.outputs.size() > made.size()) throw InvalidNode("its graph has fewer outputs");
  return made;
}

}  // namespace mob
