// GridSample: an image read at the places that a grid gives.
#include "fuzzer/ops/sampling.h"

namespace mob::ops {
namespace {

enum class Mode { kLinear, kNearest, kCubic };
enum class Padding { kZeros, kBorder, kReflection };

struct Plan {
  Mode mode = Mode::kLinear;
  Padding padding = Padding::kZeros;
  bool align_corners = false;
  Dims in, out;  // spatial
};

Plan plan(const Inference& inf) {
  Plan p;
  const bool old = inf.opset() < 20;
  const std::string linear = old ? "bilinear" : "linear", cubic = old ? "bicubic" : "cubic";
  const std::string mode = inf.node().string_or("mode", linear);
  const std::string padding = inf.node().string_or("padding_mode", "zeros");
  p.mode = mode == cubic ? Mode::kCubic : mode == "nearest" ? Mode::kNearest : Mode::kLinear;
  if (p.mode == Mode::kLinear && mode != linear) throw InvalidNode("GridSample has no mode '" + mode + "'");
  if (padding == "border")
    p.padding = Padding::kBorder;
  else if (padding == "reflection")
    p.padding = Padding::kReflection;
  else if (padding != "zeros")
    throw InvalidNode("GridSample has no padding_mode '" + padding + "'");
  p.align_corners = inf.node().int_or("align_corners", 0) != 0;
  const Dims &x = inf.dims(0), &grid = inf.dims(1);
  if (x.size() < 3 || grid.size() != x.size() || (old && x.size() != 4))
    throw InvalidNode("the ranks of image and grid do not fit");
  if (grid[0] != x[0] || grid.back() != static_cast<std::int64_t>(x.size()) - 2)
    throw InvalidNode("the grid does not fit the image");
  p.in.assign(x.begin() + 2, x.end());
  p.out.assign(grid.begin() + 1, grid.end() - 1);
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  if (!kFloats.has(inf.type(0).dtype)) throw Unsupported("GridSample of what is no float");
  Dims dims = {inf.dims(0)[0], inf.dims(0)[1]};
  dims.insert(dims.end(), p.out.begin(), p.out.end());
  if (element_count(p.in) == 0 && element_count(dims) > 0) throw Unsupported("a grid over an empty image");
  inf.set_output(0, {inf.type(0).dtype, dims});
}

// -1 and 1 are the first and the last pixel's centers, or their outer edges.
template <class R>
Approx<R> coordinate(Approx<R> g, std::int64_t size, bool align_corners, const RoundTo<R>& round) {
  const Approx<R> n = {static_cast<R>(size), 0}, one = {1, 0}, half = {R(0.5), 0};
  const Approx<R> from_edge = round(g + one);
  if (align_corners) return round(from_edge * half * (n - one));
  return round(round(from_edge * n) - one) * half;
}

// One axis: the ways to weigh its pixels between which nothing decides, mostly one.
template <class R>
std::vector<Pixels<R>> ways_of(const Plan& p, Approx<R> c, std::int64_t size, const RoundTo<R>& round) {
  const auto place = [&](std::int64_t j) -> std::int64_t {
    if (j >= 0 && j < size) return j;
    if (p.padding == Padding::kZeros) return -1;
    if (p.padding == Padding::kBorder) return j < 0 ? 0 : size - 1;
    // Mirrors on the outer pixels' centers, or on their edges.
    const std::int64_t period = 2 * (p.align_corners ? size - 1 : size);
    const std::int64_t k = (j % period + period) % period;
    return k < size ? k : period - k - (p.align_corners ? 0 : 1);
  };
  const bool outside = c.low() < 0 || c.high() > static_cast<R>(size - 1);
  // Reflected places are rounded anew.
  if (p.padding == Padding::kReflection && outside)
    c.e += 4 * round.rounding().u() * (std::fabs(c.v) + static_cast<R>(size));
  if (p.mode == Mode::kLinear) return {linear_pixels(c, round, place)};
  if (p.mode == Mode::kNearest) {
    std::vector<Pixels<R>> ways;
    const auto last = static_cast<std::int64_t>(std::nearbyint(c.high()));
    for (auto j = static_cast<std::int64_t>(std::nearbyint(c.low())); j <= last; ++j)
      ways.push_back({{place(j), {1, 0}}});
    return ways;
  }
  std::vector<Pixels<R>> ways = {cubic_pixels(c, round, place)};
  // "Border values for out-of-bound locations": of the location, or of each pixel around it.
  if (p.padding == Padding::kBorder && outside) {
    c.v = std::clamp(c.v, R(0), static_cast<R>(size - 1));
    ways.push_back(cubic_pixels(c, round, place));
  }
  return ways;
}

// All ways to weigh the pixels of a plane at one place.
template <class R>
std::vector<Pixels<R>> all_ways(const std::vector<std::vector<Pixels<R>>>& axes, const Dims& step,
                                const RoundTo<R>& round) {
  std::vector<Pixels<R>> all;
  Dims counts;
  for (const auto& ways : axes) counts.push_back(static_cast<std::int64_t>(ways.size()));
  for_each_index(counts, [&](const Dims& way) {
    std::vector<const Pixels<R>*> chosen;
    for (std::size_t d = 0; d < axes.size(); ++d)
      chosen.push_back(&axes[d][static_cast<std::size_t>(way[d])]);
    all.push_back(cross(chosen, step, round));
  });
  return all;
}

template <class R>
void sample(Evaluation& ev, const Plan& p) {
  const auto &x = ev.reals<R>(0), &grid = ev.reals<R>(1);
  auto& y = ev.out_reals<R>();
  const RoundTo<R> round(ev, coarser(ev.type(0).dtype, ev.type(1).dtype));
  const auto rounding = ev.rounding<R>();
  const std::size_t rank = p.in.size();
  const Dims step = strides(p.in);
  const auto channels = static_cast<std::size_t>(ev.dims(0)[1]);
  const auto plane_in = static_cast<std::size_t>(element_count(p.in));
  const auto plane_out = static_cast<std::size_t>(element_count(p.out));
  // An axis of one pixel has no room between two mirrors.
  bool flat = false;
  for (std::int64_t size : p.in) flat = flat || size == 1;
  const bool no_mirror = p.padding == Padding::kReflection && p.align_corners && flat;
  for (std::size_t n = 0; n < static_cast<std::size_t>(ev.dims(0)[0]); ++n)
    for (std::size_t o = 0; o < plane_out; ++o) {
      std::vector<std::vector<Pixels<R>>> axes;
      bool open = no_mirror;
      for (std::size_t d = 0; d < rank && !open; ++d) {
        // The grid names the innermost axis first.
        const Approx<R> g = grid[(n * plane_out + o) * rank + rank - 1 - d];
        const Approx<R> c = coordinate(g, p.in[d], p.align_corners, round);
        open = !usable(c);
        if (open && !g.open()) ev.unspecified("a place that is no number", channels);
        if (!open) axes.push_back(ways_of(p, c, p.in[d], round));
      }
      if (no_mirror) ev.unspecified("a reflection within one pixel", channels);
      const auto ways = open ? std::vector<Pixels<R>>() : all_ways(axes, step, round);
      for (std::size_t ch = 0; ch < channels; ++ch) {
        const std::size_t plane = n * channels + ch;
        Approx<R> v = open_value<R>();
        for (std::size_t w = 0; w < ways.size(); ++w) {
          const Approx<R> one = weighed(x, plane * plane_in, ways[w], rounding, static_cast<R>(2 * rank));
          v = w == 0 ? one : either(v, one);
        }
        y.set(plane * plane_out + o, p.mode == Mode::kNearest ? v : rounding.add(v));
      }
    }
}

void evaluate(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const Plan p = plan(ev);
  with_reals(ev.output().type.dtype, [&](auto zero) { sample<decltype(zero)>(ev, p); });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const bool old = d.opset() < 20, volume = !old && rng.chance(0.3);
  const int rank = volume ? 5 : 4;
  const ArrayType x = d.input({.types = drawable(d, "T1", kFloats), .min_rank = rank, .max_rank = rank});
  // Runtimes take no cubic interpolation of volumes.
  const double weights[] = {0.4, 0.3, volume ? 0.0 : 0.3};
  const auto mode = static_cast<Mode>(rng.weighted(weights));
  std::vector<Padding> paddings = {Padding::kZeros, Padding::kBorder};
  const bool align_corners = rng.chance(0.5);
  if (!align_corners || *std::min_element(x.dims.begin() + 2, x.dims.end()) > 1)
    paddings.push_back(Padding::kReflection);
  const Padding padding = rng.pick(paddings);
  // What lies outside is in dispute for a cubic border.
  const double reach = mode == Mode::kCubic && padding == Padding::kBorder ? 0.9 : rng.pick({1.0, 1.25, 2.5});
  Dims grid = {x.dims[0]};
  for (int i = 2; i < rank; ++i) grid.push_back(d.size());
  grid.push_back(rank - 2);
  const DTypeSet types = d.types("T2");
  if (!types.has(x.dtype)) return false;
  d.input({.types = x.dtype, .dims = grid, .role = Role::kWeight, .range = {.low = -reach, .high = reach}});
  const char* names[] = {old ? "bilinear" : "linear", "nearest", old ? "bicubic" : "cubic"};
  const char* padding_names[] = {"zeros", "border", "reflection"};
  if (mode != Mode::kLinear || rng.chance(0.5))
    d.attribute("mode", std::string(names[static_cast<int>(mode)]));
  if (padding != Padding::kZeros || rng.chance(0.3))
    d.attribute("padding_mode", std::string(padding_names[static_cast<int>(padding)]));
  if (align_corners || rng.chance(0.3)) d.attribute("align_corners", std::int64_t{align_corners});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "GridSample", .since = 16, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family grid_sample = specs;
}

}  // namespace mob::ops
