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
  Node reader;
  reader.op_type = f.type(*v).dtype == DType::kFloat ? rng.pick(kReaders) : "Identity";
  reader.inputs = {*v};
  reader.outputs = {0};
  const Expected* input = f.value(*v);
  const auto made = try_node(c.model, reader, {&input, 1});
  if (!made || made->unspecified > 0) return false;
  const ArrayType type = made->outputs.front().type;
  const auto fill = [&](Body& body, bool taken) {
    body.output(taken ? body.add_node(reader.op_type, {body.inner(*v)})
                      : body.add_node("Constant", {}, {{.name = "value", .value = draw_tensor(type, rng)}}),
                type);
  };
  const ValueId read = append_if(c, f, 1, rng, fill).front();
  c.model.graph[read].type = declared_in(c, type);
  expose(c, read);
  return true;
}

}  // namespace

extern const Mutator read_in_branch;
const Mutator read_in_branch{.name = "read-in-branch",
                             .aims_at = "counts of consumers that do not look into nested graphs",
                             .family = MutatorFamily::kNest,
                             .apply = same_values<change>};

}  // namespace mob::mutators
