// A branch of an If reads a value from around it: a reader that is no input of any node.
#include "mutators/nest.h"

namespace mob::mutators {
namespace {

constexpr std::string_view kReaders[] = {"Identity", "Neg", "Abs", "Relu", "Shape", "Size"};

bool change(Case& c, const Facts& f, Rng& rng) {
  std::vector<ValueId> values = f.computed();
  std::erase_if(values, [&](ValueId v) { return !f.known(v) || !carries(c, f, "If", {v}); });
  const auto v = maybe_pick(values, rng);
  if (!v) return false;
  const bool taken = rng.chance(0.5);
  Node reader;
  reader.op_type = f.type(*v).dtype == DType::kFloat ? rng.pick(kReaders) : "Identity";
  reader.inputs = {*v};
  reader.outputs = {0};
  const Expected* input = f.value(*v);
  const auto made = try_node(c.model, reader, {&input, 1});
  if (!made || made->unspecified > 0) return false;
  const ArrayType type = made->outputs.front().type;
  std::vector<Attribute> branches;
  for (const bool then : {true, false}) {
    const std::string name = then ? "then_branch" : "else_branch";
    Body body(c, f, name, then ? "_then" : "_else");
    body.output(then == taken
                    ? body.add_node(reader.op_type, {body.inner(*v)})
                    : body.add_node("Constant", {}, {{.name = "value", .value = draw_tensor(type, rng)}}),
                type);
    branches.push_back({.name = name, .value = body.take()});
  }
  const Tensor condition = Tensor::of_ints(DType::kBool, {}, {std::int64_t{taken}});
  const ValueId cond = add_leaf(c, condition, draw_constness(rng));
  const ValueId read = append(c, "If", {cond}, std::move(branches)).front();
  c.model.graph[read].type = declared_in(c, type);
  expose(c, read);
  return true;
}

}  // namespace

extern const Mutator read_in_branch;
const Mutator read_in_branch{.name = "read-in-branch",
                             .aims_at = "counts of consumers that do not look into nested graphs",
                             .keeps_values = true,
                             .apply = same_values<change>};

}  // namespace mob::mutators
