// A part of the graph becomes the body of a Scan over one of the values that it reads, as its only slice.
#include "mutators/nest.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  const auto part = draw_part(c, f, rng);
  if (!part || part->reads.empty()) return false;
  for (const std::string_view op : {"Scan", "Squeeze"})
    if (!carries(c, f, op, part->makes)) return false;
  const ValueId scanned = rng.pick(part->reads);
  if (!carries(c, f, "Scan", {scanned}) || !carries(c, f, "Unsqueeze", {scanned})) return false;
  const auto rank = static_cast<std::int64_t>(f.type(scanned).rank());
  const std::int64_t axis = rng.chance(0.6) ? 0 : rng.range(0, rank);
  Body body(c, f, "body", "_scan");
  std::vector<ValueId> inputs;
  const bool state = rng.chance(0.4);
  const ArrayType number{DType::kFloat, {}};
  const ValueId count = state ? body.input("state", number) : kNoValue;
  if (state) inputs.push_back(add_leaf(c, draw_tensor(number, rng), draw_constness(rng)));
  body.input_for(scanned);
  body.add(*part);
  if (state) body.output(count, number);
  std::vector<std::int64_t> axes;
  for (ValueId v : part->makes) {
    body.output_for(v);
    const auto made_rank = static_cast<std::int64_t>(f.type(v).rank());
    axes.push_back(rng.chance(0.6) ? 0 : rng.range(0, made_rank));
  }
  inputs.push_back(append_along(c, "Unsqueeze", scanned, axis, rng));
  std::vector<Attribute> attributes = {{.name = "body", .value = body.take()},
                                       {.name = "num_scan_inputs", .value = std::int64_t{1}}};
  if (axis != 0 || rng.chance(0.2))
    attributes.push_back({.name = "scan_input_axes", .value = std::vector<std::int64_t>{axis}});
  if (rng.chance(0.3))
    attributes.push_back(
        {.name = "scan_input_directions", .value = std::vector<std::int64_t>{rng.range(0, 1)}});
  attributes.push_back({.name = "scan_output_axes", .value = axes});
  std::vector<ValueId> results =
      append(c, "Scan", inputs, std::move(attributes), part->makes.size() + (state ? 1 : 0));
  std::vector<ValueId> made;
  for (std::size_t i = 0; i < part->makes.size(); ++i)
    made.push_back(append_along(c, "Squeeze", results[i + (state ? 1 : 0)], axes[i], rng));
  if (state && rng.chance(0.5)) {
    c.model.graph[results[0]].type = declared(number);
    expose(c, results[0]);
  }
  replace_part(c, *part, made);
  return true;
}

}  // namespace

extern const Mutator nest_in_scan;
const Mutator nest_in_scan{.name = "nest-in-scan",
                           .aims_at = "passes within bodies, axes that are added and taken away",
                           .family = MutatorFamily::kNest,
                           .apply = same_values<change>};

}  // namespace mob::mutators
