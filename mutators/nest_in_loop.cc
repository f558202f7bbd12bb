// A part of the graph becomes the body of a Loop of one to three iterations, which all do the same.
#include "mutators/nest.h"

namespace mob::mutators {
namespace {

constexpr std::int64_t kFirstWithoutCarried = 11;  // opset in which a Loop need not carry anything
constexpr double kCarried = 0.5;  // a result is carried from iteration to iteration; else they are stacked

// The last of those stacked along axis 0.
ValueId last_of(Case& c, ValueId stacked, std::int64_t n, Rng& rng) {
  if (n == 1 && rng.chance(0.5)) return append_along(c, "Squeeze", stacked, 0, rng);
  const Tensor index = Tensor::of_ints(DType::kInt64, {}, {n - 1});
  return append(c, "Gather", {stacked, add_leaf(c, index, draw_constness(rng))},
                {{.name = "axis", .value = std::int64_t{0}}})
      .front();
}

bool change(Case& c, const Facts& f, Rng& rng) {
  const auto part = draw_part(c, f, rng);
  if (!part || !carries(c, f, "Loop", part->makes)) return false;
  const std::int64_t n = rng.range(1, 3);
  Body body(c, f, "body", "_loop");
  body.input("i", {DType::kInt64, {}});
  const ValueId go = body.input("go", {DType::kBool, {}});
  body.add(*part);
  // Carried results come first.
  std::vector<bool> carried;
  std::vector<ValueId> inputs = {
      add_leaf(c, Tensor::of_ints(DType::kInt64, {}, {n}), draw_constness(rng)),
      rng.chance(0.5) ? kNoValue : add_leaf(c, Tensor::of_ints(DType::kBool, {}, {1}), draw_constness(rng))};
  for (ValueId v : part->makes) {
    const bool stackable = carries(c, f, "Gather", {v}) && carries(c, f, "Squeeze", {v});
    const bool must = !stackable || (carried.empty() && c.model.opset() < kFirstWithoutCarried);
    carried.push_back(must || rng.chance(kCarried));
    if (!carried.back()) continue;
    inputs.push_back(add_leaf(c, draw_tensor(f.type(v), rng), draw_constness(rng)));
    body.input("was", f.type(v));
  }
  body.output(go, {DType::kBool, {}});
  std::vector<std::size_t> order;
  for (const bool first : {true, false})
    for (std::size_t i = 0; i < carried.size(); ++i)
      if (carried[i] == first) {
        body.output_for(part->makes[i]);
        order.push_back(i);
      }
  const std::vector<ValueId> results =
      append(c, "Loop", inputs, {{.name = "body", .value = body.take()}}, part->makes.size());
  std::vector<ValueId> made(part->makes.size());
  for (std::size_t o = 0; o < order.size(); ++o)
    made[order[o]] = carried[order[o]] ? results[o] : last_of(c, results[o], n, rng);
  replace_part(c, *part, made);
  return true;
}

}  // namespace

extern const Mutator nest_in_loop;
const Mutator nest_in_loop{.name = "nest-in-loop",
                           .aims_at = "passes within bodies, values read from around, what is carried",
                           .family = MutatorFamily::kNest,
                           .apply = same_values<change>};

}  // namespace mob::mutators
