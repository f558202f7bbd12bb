// Every second pixel, four times, side by side in the channels: SpaceToDepth spelled out.
#include <limits>

#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"on-channels", "what is concatenated are the channels"},
    {"full-extent", "every slice goes on to the image's end"},
    {"each-once", "each of the four phases stands once"},
    {"one-source", "all slices are of one tensor"},
    {"step-2", "both steps are 2"},
    {"spatial", "height and width are sliced"},
    {"rank-4", "the image has two spatial axes"},
    {"forward", "starts and steps are not negative"},
    {"outer-kept", "batch and channels are not sliced"},
    {"same-ends", "all slices give the same ends"},
    {"at-once", "one Slice takes both axes"},
};

void slice_concat(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t =
      m.dtype({DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64, DType::kUint8}, "Concat");
  const std::int64_t step = m.holds("step-2") ? 2 : rng.pick({3, 4});
  const bool full = m.holds("full-extent");
  const std::int64_t rank = m.holds("rank-4") ? 4 : rng.pick({3, 5});
  Dims dims = {rng.range(1, 2), rng.range(1, 4)};
  while (static_cast<std::int64_t>(dims.size()) < rank)
    dims.push_back(step * rng.range(1, 3) + (full ? 0 : 1));
  // A batch as large as the image lets a wrong axis go unnoticed.
  if (rng.chance(0.2)) dims[0] = dims[1] = dims[2];
  const ValueRange range = {.low = t == DType::kUint8 ? 0.0 : -9.0, .high = 9};
  const ValueId x = m.data(t, dims, range), other = m.holds("one-source") ? x : m.data(t, dims, range);
  std::int64_t h = rank - 2, w = rank - 1;
  if (m.breaks("spatial")) rng.chance(0.5) ? h = 1 : w = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> phases = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  if (rng.chance(0.6)) rng.shuffle(phases);
  if (m.breaks("each-once")) {
    const std::int64_t which = rng.range(0, 2);
    if (which == 0) phases[rng.below(4)] = phases[rng.below(4)];
    if (which == 1) phases.pop_back();
    if (which == 2) phases.push_back(phases[0]);
  }
  const bool forward = m.holds("forward"), outer = m.holds("outer-kept");
  const bool one_by_one = m.breaks("at-once"), same_ends = m.holds("same-ends"), open_end = rng.chance(0.8);
  const bool shared_rows = one_by_one && rng.chance(0.5);
  // Ends that mean "to the end", or one short of it.
  const auto end = [&](std::int64_t axis) -> std::int64_t {
    const std::int64_t n = at(dims, axis);
    if (!forward) return std::numeric_limits<std::int64_t>::min();
    if (!full) return rng.chance(0.5) ? n - n % step : -(n % step);
    return (same_ends ? open_end : rng.chance(0.5)) ? std::numeric_limits<std::int64_t>::max() : n;
  };
  const auto strided = [&](ValueId v, std::vector<std::int64_t> axes, std::vector<std::int64_t> starts) {
    std::vector<std::int64_t> ends, steps;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      ends.push_back(end(axes[i]));
      steps.push_back(forward ? step : -step);
      if (!forward) starts[i] -= at(dims, axes[i]) > 1 ? 2 : 1;
    }
    if (!outer) {
      axes.push_back(1);
      starts.push_back(at(dims, 1) > 1 ? rng.range(0, 1) : 0);
      ends.push_back(at(dims, 1));
      steps.push_back(1);
      if (std::count(axes.begin(), axes.end(), 1) > 1) throw CannotDraft{};
    }
    for (auto& a : axes)
      if (rng.chance(0.2)) a -= rank;
    return m.slice(v, starts, ends, axes, steps);
  };
  std::vector<ValueId> rows(2, kNoValue), parts;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const auto [dh, dw] = phases[i];
    const ValueId source = i == 2 ? other : x;
    if (!one_by_one) {
      parts.push_back(rng.chance(0.8) ? strided(source, {h, w}, {dh, dw})
                                      : strided(source, {w, h}, {dw, dh}));
      continue;
    }
    ValueId& row = rows[static_cast<std::size_t>(dh)];
    const ValueId half = shared_rows && row != kNoValue ? row : strided(source, {h}, {dh});
    row = half;
    parts.push_back(strided(half, {w}, {dw}));
  }
  const std::int64_t axis = m.holds("on-channels") ? 1 : rng.pick({0, 2, 3});
  if (axis >= rank) throw CannotDraft{};
  const ValueId y = m.op("Concat", parts, {{.name = "axis", .value = rng.chance(0.2) ? axis - rank : axis}});
  if (rank == 4 && t == DType::kFloat && rng.chance(0.3))
    m.result(convolve(m, y, {.bias = rng.chance(0.5), .kernel = {1, 1}}).y);
  else
    m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "slice-concat",
     .aims_at = "SliceConcatToSpaceToDepthFusion",
     .guards = kGuards,
     .since = 10,
     .build = slice_concat},
};

}  // namespace

namespace family {
extern const MotifFamily space_to_depth;
const MotifFamily space_to_depth = motifs;
}  // namespace family

}  // namespace mob::motifs
