#include "mutators/chains.h"

namespace mob::mutators {

bool widens(DType from, DType to) {
  if (from == to) return true;
  const int wide = bits(to), narrow = bits(from);
  if (from == DType::kBool) return kNumbers.has(to);
  if (is_float(from) && is_float(to)) {
    const bool both_16 = narrow == 16 && wide == 16;
    return kFloats.has(from) && kFloats.has(to) && wide > narrow && !both_16;
  }
  if (!kInts.has(from)) return false;
  const bool is_signed = int_min(from) < 0;
  if (kInts.has(to)) return wide > narrow && (!is_signed || int_min(to) < 0);
  return (to == DType::kDouble && narrow <= 32) || (to == DType::kFloat && narrow <= 16);
}

bool simple_cast(const Rewriting& r, const Node& n) {
  return n.op_type == "Cast" && n.attributes.size() == 1 && kAnyDType.has(r.type(n.inputs[0]).dtype) &&
         kAnyDType.has(r.type(n.outputs[0]).dtype);
}

std::optional<Cut> cut_of(const Rewriting& r, const Node& n) {
  if (n.op_type != "Slice" || n.inputs.size() < 3 || !r.fixed()) return std::nullopt;
  const Dims &x = r.type(n.inputs[0]).dims, &y = r.type(n.outputs[0]).dims;
  const auto starts = r.int_list(n.inputs[1]), ends = r.int_list(n.inputs[2]);
  if (!starts || !ends) return std::nullopt;
  std::vector<std::int64_t> axes(starts->size()), steps(starts->size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  for (std::size_t slot : {3, 4}) {
    if (n.inputs.size() <= slot || n.inputs[slot] == kNoValue) continue;
    const auto list = r.int_list(n.inputs[slot]);
    if (!list || list->size() != starts->size()) return std::nullopt;
    (slot == 3 ? axes : steps) = *list;
  }
  Cut cut{std::vector<std::int64_t>(x.size(), 0), std::vector<std::int64_t>(x.size(), 1), y};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto a = static_cast<std::size_t>(Inference::axis(axes[i], static_cast<std::int64_t>(x.size())));
    std::int64_t start = (*starts)[i];
    if (start < 0) start += x[a];
    cut.start[a] = std::clamp<std::int64_t>(start, 0, steps[i] < 0 ? x[a] - 1 : x[a]);
    cut.step[a] = steps[i];
  }
  return cut;
}

Cut both(const Cut& a, const Cut& b) {
  Cut cut = b;
  for (std::size_t d = 0; d < a.start.size(); ++d) {
    cut.start[d] = a.start[d] + b.start[d] * a.step[d];
    cut.step[d] = a.step[d] * b.step[d];
  }
  return cut;
}

std::vector<std::size_t> changed_axes(const Cut& cut, const Dims& x) {
  std::vector<std::size_t> axes;
  for (std::size_t d = 0; d < x.size(); ++d)
    if (cut.start[d] != 0 || cut.step[d] != 1 || cut.count[d] != x[d]) axes.push_back(d);
  return axes;
}

ValueId write_cut(Rewriting& r, ValueId x, const Cut& cut, const std::vector<std::size_t>& axes) {
  std::vector<std::int64_t> starts, ends, which, steps;
  for (std::size_t d : axes) {
    const std::int64_t end = cut.start[d] + cut.step[d] * cut.count[d];
    starts.push_back(cut.start[d]);
    // What lies before the first element would count from the back.
    ends.push_back(end < 0 ? INT32_MIN : end);
    which.push_back(static_cast<std::int64_t>(d));
    steps.push_back(cut.step[d]);
  }
  return r.slice(x, starts, ends, which, steps);
}

}  // namespace mob::mutators
