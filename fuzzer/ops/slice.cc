// Slice: a range with a step along each axis; parameters as attributes (before opset 10) or as inputs.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

struct Range {
  std::int64_t start = 0, step = 1, count = 0;
};

// Ends beyond the axis are clamped; written so that the extremes of int64 do not overflow.
Range range_of(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t size) {
  if (step == 0) throw InvalidNode("a step of 0");
  if (start < 0) start += size;
  if (end < 0) end += size;
  const bool forward = step > 0;
  start = std::clamp<std::int64_t>(start, 0, std::max<std::int64_t>(forward ? size : size - 1, 0));
  end =
      std::clamp<std::int64_t>(end, forward ? 0 : -1, std::max<std::int64_t>(forward ? size : size - 1, -1));
  const std::int64_t way = forward ? end - start : start - end;
  if (way <= 0 || size == 0) return {0, 1, 0};
  const std::uint64_t stride =
      forward ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  return {start, step, static_cast<std::int64_t>((static_cast<std::uint64_t>(way) + stride - 1) / stride)};
}

std::vector<Range> ranges(const Inference& inf) {
  const Dims& in = inf.dims(0);
  const bool by_input = inf.opset() >= 10;
  const auto list = [&](std::size_t i, std::string_view name) {
    return by_input ? vector_input(inf, i) : inf.node().ints_or(name, {});
  };
  const auto starts = list(1, "starts"), ends = list(2, "ends");
  std::vector<std::int64_t> axes, steps(starts.size(), 1);
  if (by_input ? inf.has_input(3) : inf.node().has("axes"))
    axes = list(3, "axes");
  else
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (by_input && inf.has_input(4)) steps = vector_input(inf, 4);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    throw InvalidNode("the parameters of Slice differ in length");
  axes = distinct_axes(axes, inf.rank(0));
  std::vector<Range> out;
  for (std::int64_t size : in) out.push_back({0, 1, size});
  for (std::size_t i = 0; i < axes.size(); ++i)
    out[axes[i]] = range_of(starts[i], ends[i], steps[i], in[axes[i]]);
  return out;
}

void infer(Inference& inf) {
  Dims out;
  for (const Range& r : ranges(inf)) out.push_back(r.count);
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const auto along = ranges(ev);
  const Dims from = strides(ev.dims(0));
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for_each_index(ev.output().type.dims, [&](const Dims& index) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < along.size(); ++d)
      if (index[d] > 0)
        offset += (along[d].start + index[d] * along[d].step) * from[d];
      else
        offset += along[d].start * from[d];
    map.push_back(offset);
  });
  gather_elements(ev.input(0), map, ev.output());
}

// One axis: mostly a range with something in it, written in one of the ways that mean the same.
struct Ends {
  std::int64_t start, end;
};
Ends draw_range(Rng& rng, std::int64_t n, bool forward, std::int64_t infinite) {
  if (n == 0 || rng.chance(0.1)) return {rng.range(-n - 2, n + 2), rng.range(-n - 2, n + 2)};
  std::int64_t start = rng.range(0, n - 1),
               end = forward ? rng.range(start + 1, n) : rng.range(-1, start - 1);
  if (rng.chance(0.3)) start = forward ? 0 : n - 1;
  if (rng.chance(0.3)) end = forward ? n : -1;
  if (forward ? end == n : end == -1) {
    const std::int64_t beyond = rng.range(0, 2);
    end = forward ? rng.pick({n, n + beyond, infinite}) : rng.pick({-n - 1, -n - 1 - beyond, -infinite - 1});
  } else if (rng.chance(0.3)) {
    end -= n;
  }
  if (!forward && start == n - 1 && rng.chance(0.3))
    start = rng.pick({n, n + 5, infinite});
  else if (rng.chance(0.3))
    start -= n;
  return {start, end};
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const bool by_input = !d.schema().has_attribute("starts");
  const ArrayType x =
      d.input({.types = drawable(d, "T", kMovable), .min_rank = 1, .max_rank = 5, .min_size = 0});
  const auto rank = static_cast<std::int64_t>(x.rank());
  const bool with_axes = rng.chance(0.7), with_steps = by_input && rng.chance(0.5);
  auto axes = rng.permutation(x.rank());
  if (with_axes)
    axes.resize(rng.range(1, rank));
  else
    std::sort(axes.begin(), axes.end());
  const DType index = by_input && rng.chance(0.3) ? DType::kInt32 : DType::kInt64;
  const std::int64_t infinite = rng.chance(0.5) ? int_max(index) : int_max(DType::kInt32);
  std::vector<std::int64_t> starts, ends, steps;
  for (auto& a : axes) {
    const std::int64_t step = with_steps ? rng.pick({1, 1, 2, 3, -1, -1, -2}) : 1;
    const Ends e = draw_range(rng, x.dims[a], step > 0, infinite);
    starts.push_back(e.start);
    ends.push_back(e.end);
    steps.push_back(step);
    if (d.opset() >= 11 && rng.chance(0.3)) a -= rank;
  }
  if (!by_input) {
    d.attribute("starts", starts);
    d.attribute("ends", ends);
    if (with_axes) d.attribute("axes", axes);
    return true;
  }
  const auto give = [&](const std::vector<std::int64_t>& v) {
    d.input(Tensor::of_ints(index, {static_cast<std::int64_t>(v.size())}, v));
  };
  give(starts);
  give(ends);
  if (with_axes)
    give(axes);
  else if (with_steps)
    d.skip_input();
  if (with_steps) give(steps);
  return true;
}

constexpr OpSpec specs[] = {{.name = "Slice", .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family slice = specs;
}

}  // namespace mob::ops
