#include "mutators/forms.h"

#include <algorithm>
#include <cmath>

namespace mob::mutators {

ValueId Sketch::attribute(const std::string& name, float fallback, bool as_float) {
  const ValueId v = number_of(as_float, whole_.float_or(name, fallback));
  if (free_.contains(name)) captured_[v] = name;
  return v;
}

ValueId Sketch::clip(ValueId x, double low, double high) {
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  if (opset() >= 11) {
    std::vector<ValueId> in = {x, has_low ? number(low) : kNoValue};
    if (has_high) in.push_back(number(high));
    return op("Clip", std::move(in));
  }
  std::vector<Attribute> bounds;
  if (has_low) bounds.push_back(mutators::attribute("min", static_cast<float>(low)));
  if (has_high) bounds.push_back(mutators::attribute("max", static_cast<float>(high)));
  return op("Clip", {x}, std::move(bounds));
}

namespace {

bool fits(const Rewriting& r, const Form& form, const Node& n) {
  if (n.op_type != form.op || r.opset() < form.since || n.inputs.size() != form.inputs) return false;
  if (!form.any_size && !r.fixed()) return false;
  const auto there = [](ValueId v) { return v != kNoValue; };
  return std::all_of(n.inputs.begin(), n.inputs.end(), there) &&
         std::count_if(n.outputs.begin(), n.outputs.end(), there) == 1 && n.outputs.front() != kNoValue &&
         form.types.has(r.type(n.inputs.front()).dtype);
}

struct Whole {
  Node old;
  std::vector<const Form*> forms;
};

}  // namespace

std::optional<Promise> unfuse_forms(Case& c, const Facts& f, Choices& choices, std::span<const Form> forms) {
  Rewriting r(c, f, choices);
  std::vector<Whole> wholes;
  for (std::size_t i = 0; i < r.node_count(); ++i) {
    Whole w{.old = r.node(i), .forms = {}};
    for (const Form& form : forms)
      if (w.old.domain.empty() && fits(r, form, w.old)) w.forms.push_back(&form);
    if (!w.forms.empty()) wholes.push_back(std::move(w));
  }
  for (const Whole& w : choices.places(std::move(wholes))) {
    const std::size_t first = choices.rng().below(w.forms.size());
    for (std::size_t i = 0; i < w.forms.size(); ++i) {
      const Form& form = *w.forms[(first + i) % w.forms.size()];
      Sketch s(c, &choices.rng(), r.type(w.old.inputs.front()), w.old);
      const ValueId y = form.spell(s, w.old.inputs);
      if (r.replace(w.old, {y})) break;
    }
  }
  return r.finish();
}

}  // namespace mob::mutators
