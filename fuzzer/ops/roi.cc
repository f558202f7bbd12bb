// RoiAlign, MaxRoiPool: regions of an image, each pooled to one size.
#include "fuzzer/ops/sampling.h"

namespace mob::ops {
namespace {

// X [N, C, H, W] and regions [n, width].
void check_image(const Inference& inf, std::int64_t width) {
  if (inf.rank(0) != 4) throw InvalidNode("regions are pooled from [N, C, H, W]");
  if (inf.rank(1) != 2 || inf.dims(1)[1] != width)
    throw InvalidNode("a region has " + std::to_string(width) + " numbers");
}

void set_pooled(Inference& inf, std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1) throw InvalidNode("a region is pooled to nothing");
  const Dims &x = inf.dims(0), dims = {inf.dims(1)[0], x[1], height, width};
  if (x[2] * x[3] == 0 && element_count(dims) > 0) throw Unsupported("a region of an empty image");
  inf.set_output(0, {inf.type(0).dtype, dims});
}

// --- RoiAlign ----------------------------------------------------------------------------------------

bool half_pixel(const Inference& inf) {
  if (inf.opset() < 16) return false;
  const std::string mode = inf.node().string_or("coordinate_transformation_mode", "half_pixel");
  if (mode != "half_pixel" && mode != "output_half_pixel")
    throw InvalidNode("RoiAlign has no coordinate_transformation_mode '" + mode + "'");
  return mode == "half_pixel";
}

bool pools_max(const Inference& inf) {
  const std::string mode = inf.node().string_or("mode", "avg");
  if (mode != "avg" && mode != "max") throw InvalidNode("RoiAlign has no mode '" + mode + "'");
  return mode == "max";
}

void infer_align(Inference& inf) {
  check_image(inf, 4);
  if (inf.dims(2) != Dims{inf.dims(1)[0]}) throw InvalidNode("batch_indices do not fit the regions");
  half_pixel(inf);
  pools_max(inf);
  if (inf.node().int_or("sampling_ratio", 0) < 0) throw InvalidNode("a negative sampling_ratio");
  set_pooled(inf, inf.node().int_or("output_height", 1), inf.node().int_or("output_width", 1));
}

// One place along one axis: the pixels that it weighs, and whether it lies more than one pixel outside, where
// the image is zero.
template <class R>
struct Place {
  Pixels<R> pixels;
  bool inside = true, outside = false;
};

// The places along one axis of one region, `samples` for each of the pooled elements; none where the region
// says nothing.
template <class R>
struct Places {
  std::vector<Place<R>> all;
  std::size_t samples = 0;
  bool unusable = false, without = false;
};

template <class R>
Places<R> places_of(const Evaluation& ev, Approx<R> from, Approx<R> to, std::int64_t size,
                    std::int64_t pooled, const RoundTo<R>& round) {
  Places<R> places;
  const Approx<R> scale = {static_cast<R>(ev.node().float_or("spatial_scale", 1)), 0};
  const Approx<R> offset = {half_pixel(ev) ? R(0.5) : R(0), 0};
  const Approx<R> start = round(round(from * scale) - offset), end = round(round(to * scale) - offset);
  Approx<R> length = round(end - start);
  if (!half_pixel(ev) && length.v < 1) length = {1, std::max(R(0), length.high() - 1)};
  places.unusable = !usable(start) || !usable(length);
  if (places.unusable) return places;
  const Approx<R> bin = round(length / Approx<R>{static_cast<R>(pooled), 0});
  R samples = static_cast<R>(ev.node().int_or("sampling_ratio", 0));
  if (samples == 0) {
    samples = std::ceil(bin.v);
    places.unusable = samples != std::ceil(bin.low()) || samples != std::ceil(bin.high());
    places.without = samples < 1;
  }
  if (samples * static_cast<R>(pooled) > R(0x1p20)) throw Unsupported("RoiAlign samples too much");
  if (places.unusable || places.without) return places;
  places.samples = static_cast<std::size_t>(samples);
  const auto clamped = [&](std::int64_t j) { return std::clamp<std::int64_t>(j, 0, size - 1); };
  for (std::int64_t p = 0; p < pooled; ++p)
    for (std::size_t s = 0; s < places.samples; ++s) {
      const Approx<R> before = round(bin * Approx<R>{static_cast<R>(p), 0});
      const Approx<R> step = round(round(bin * Approx<R>{static_cast<R>(s) + R(0.5), 0}) /
                                   Approx<R>{static_cast<R>(places.samples), 0});
      const Approx<R> c = round(round(start + before) + step);
      places.unusable = places.unusable || !usable(c);
      if (places.unusable) return places;
      Place<R> place;
      place.inside = c.low() >= -1 && c.high() <= static_cast<R>(size);
      place.outside = c.high() < -1 || c.low() > static_cast<R>(size);
      const Approx<R> edge = {std::clamp(c.v, R(0), static_cast<R>(size - 1)), c.e};
      if (!place.outside) place.pixels = linear_pixels(edge, round, clamped);
      places.all.push_back(std::move(place));
    }
  return places;
}

// The largest of some numbers.
template <class R>
class Largest {
 public:
  void add(Approx<R> x) {
    open_ = open_ || x.open() || !x.finite();
    best_ = std::max(best_, x.v);
    low_ = std::max(low_, x.low());
    high_ = std::max(high_, x.high());
  }
  Approx<R> result() const {
    return open_ ? open_value<R>() : Approx<R>{best_, std::max(high_ - best_, best_ - low_)};
  }

 private:
  bool open_ = false;
  R best_ = -kInfinity<R>, low_ = -kInfinity<R>, high_ = -kInfinity<R>;
};

// What the samples of one element come to. The text takes the largest of the interpolated samples; kernels,
// and the published case, that of all pixels by their weights.
template <class R>
class Pool {
 public:
  Pool(const Reals<R>& x, bool plain, bool max, const RoundTo<R>& round)
      : x_(x), max_(max), round_(round), zero_(plain ? Approx<R>{0, 0} : open_value<R>()) {}

  void add(std::size_t plane, std::int64_t width, const Place<R>& row, const Place<R>& column) {
    const bool inside = row.inside && column.inside, outside = row.outside || column.outside;
    Approx<R> sample = zero_;
    if (!outside) {
      const auto pixels = cross<R>({&row.pixels, &column.pixels}, {width, 1}, round_);
      sample = weighed(x_, plane, pixels, round_.rounding());
      if (!inside) sample = either(sample, zero_);
      for (const Pixel<R>& p : pixels) {
        if (!max_) break;
        const auto part = round_(p.weight * x_[plane + static_cast<std::size_t>(p.at)]);
        parts_.add(inside ? part : either(part, zero_));
      }
    } else if (max_) {
      parts_.add(zero_);
    }
    sum_.add(sample);
    samples_.add(sample);
  }
  Approx<R> result() const {
    const auto& rounding = round_.rounding();
    if (max_) return rounding.add(either(samples_.result(), parts_.result()));
    const Approx<R> sum = sum_.result(rounding), count = {static_cast<R>(sum_.terms()), 0};
    // What overflows before it is divided does not come back.
    if (sum.finite() && std::fabs(sum.v) + sum.e > rounding.max_finite()) return open_value(sum.v);
    return rounding.add(sum / count, 2);
  }

 private:
  const Reals<R>& x_;
  bool max_;
  const RoundTo<R>& round_;
  Approx<R> zero_;  // what stands outside
  Sum<R> sum_;
  Largest<R> samples_, parts_;
};

template <class R>
void align(Evaluation& ev) {
  const auto &x = ev.reals<R>(0), &rois = ev.reals<R>(1);
  auto& y = ev.out_reals<R>();
  const auto batches = ev.ints(2);
  const RoundTo<R> round(ev, ev.type(0).dtype);
  const bool max = pools_max(ev);
  const Dims &in = ev.dims(0), &out = ev.output().type.dims;
  const auto channels = static_cast<std::size_t>(in[1]), area = static_cast<std::size_t>(in[2] * in[3]);
  const auto per_region = channels * static_cast<std::size_t>(out[2] * out[3]);
  for (std::size_t r = 0; r < batches.size(); ++r) {
    if (batches[r] < 0 || batches[r] >= in[0]) throw InvalidNode("a batch index is out of range");
    const auto rows = places_of(ev, rois[4 * r + 1], rois[4 * r + 3], in[2], out[2], round);
    const auto columns = places_of(ev, rois[4 * r], rois[4 * r + 2], in[3], out[3], round);
    std::size_t to = r * per_region;
    if (rows.unusable || columns.unusable || rows.without || columns.without) {
      if (rows.without || columns.without) ev.unspecified("a region without a sample", per_region);
      for (std::size_t i = 0; i < per_region; ++i) y.set(to + i, open_value<R>());
      continue;
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t plane = (static_cast<std::size_t>(batches[r]) * channels + c) * area;
      const bool plain = plain_plane(x, plane, area);
      for (std::size_t h = 0; h < static_cast<std::size_t>(out[2]); ++h)
        for (std::size_t w = 0; w < static_cast<std::size_t>(out[3]); ++w) {
          Pool<R> pool(x, plain, max, round);
          for (std::size_t i = 0; i < rows.samples; ++i)
            for (std::size_t k = 0; k < columns.samples; ++k)
              pool.add(plane, in[3], rows.all[h * rows.samples + i], columns.all[w * columns.samples + k]);
          y.set(to++, pool.result());
        }
    }
  }
}

void roi_align(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  with_reals(ev.output().type.dtype, [&](auto zero) { align<decltype(zero)>(ev); });
}

// --- MaxRoiPool --------------------------------------------------------------------------------------

void infer_pool(Inference& inf) {
  check_image(inf, 5);
  const auto shape = inf.node().ints_or("pooled_shape", {});
  if (shape.size() != 2) throw InvalidNode("pooled_shape is not [height, width]");
  set_pooled(inf, shape[0], shape[1]);
}

// The pixels of one pooled element along one axis: certainly [first, last), at most [least, most).
struct Bin {
  std::int64_t first, last, least, most;
};

// A region's pixel, or nothing where a rounding or its tie decides.
template <class R>
std::optional<std::int64_t> pixel(Evaluation& ev, Approx<R> place, const RoundTo<R>& round) {
  const Approx<R> c = round(place * Approx<R>{static_cast<R>(ev.node().float_or("spatial_scale", 1)), 0});
  if (!usable(c)) return std::nullopt;
  const R low = std::ceil(c.low() - R(0.5)), high = std::floor(c.high() + R(0.5));
  if (low == high) return static_cast<std::int64_t>(low);
  if (c.e == 0) ev.unspecified("a region that ends between two pixels");
  return std::nullopt;
}

std::vector<Bin> bins(std::int64_t start, std::int64_t end, std::int64_t size, std::int64_t pooled) {
  std::vector<Bin> all;
  const std::int64_t length = std::max<std::int64_t>(end - start + 1, 1);
  // length / pooled is not always exact, and then a whole multiple of it may be cut or raised.
  const bool exact = length % pooled == 0 || (pooled & (pooled - 1)) == 0;
  const auto clamped = [&](std::int64_t p) { return std::clamp<std::int64_t>(p + start, 0, size); };
  for (std::int64_t p = 0; p < pooled; ++p) {
    const std::int64_t from = p * length, to = (p + 1) * length;
    const std::int64_t first = from / pooled, last = (to + pooled - 1) / pooled;
    const bool cut = !exact && p > 0 && from % pooled == 0, raised = !exact && to % pooled == 0;
    all.push_back({clamped(first), clamped(last), clamped(first - cut), clamped(last + raised)});
  }
  return all;
}

template <class R>
Approx<R> largest(const Reals<R>& x, std::size_t plane, std::int64_t width, const Bin& rows,
                  const Bin& columns) {
  R low = -kInfinity<R>, best = low, high = low;
  bool open = false, none = true;
  for (std::int64_t h = rows.least; h < rows.most; ++h)
    for (std::int64_t w = columns.least; w < columns.most; ++w) {
      const Approx<R> v = x[plane + static_cast<std::size_t>(h * width + w)];
      open = open || v.open() || std::isnan(v.v);
      none = false;
      high = std::max(high, v.high());
      if (h < rows.first || h >= rows.last || w < columns.first || w >= columns.last) continue;
      best = std::max(best, v.v);
      low = std::max(low, v.low());
    }
  if (none) return {0, 0};
  if (open || !std::isfinite(best)) return open_value<R>();
  return {best, std::max(high - best, best - low)};
}

template <class R>
void max_pool(Evaluation& ev) {
  const auto &x = ev.reals<R>(0), &rois = ev.reals<R>(1);
  auto& y = ev.out_reals<R>();
  const RoundTo<R> round(ev, ev.type(0).dtype);
  const Dims &in = ev.dims(0), &out = ev.output().type.dims;
  const auto channels = static_cast<std::size_t>(in[1]), area = static_cast<std::size_t>(in[2] * in[3]);
  const auto per_region = channels * static_cast<std::size_t>(out[2] * out[3]);
  for (std::size_t r = 0; r < static_cast<std::size_t>(out[0]); ++r) {
    const Approx<R> batch = rois[5 * r];
    std::size_t to = r * per_region;
    std::optional<std::int64_t> ends[4];
    bool decided = batch.e == 0;
    for (std::size_t i = 0; i < 4 && decided; ++i) {
      ends[i] = pixel(ev, rois[5 * r + 1 + i], round);
      decided = ends[i].has_value();
    }
    if (!decided) {
      for (std::size_t i = 0; i < per_region; ++i) y.set(to + i, open_value<R>());
      continue;
    }
    if (!(batch.v >= 0 && batch.v < static_cast<R>(in[0]) && batch.v == std::floor(batch.v)))
      throw InvalidNode("a batch index is out of range");
    const auto rows = bins(*ends[1], *ends[3], in[2], out[2]);
    const auto columns = bins(*ends[0], *ends[2], in[3], out[3]);
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t plane = (static_cast<std::size_t>(batch.v) * channels + c) * area;
      for (const Bin& row : rows)
        for (const Bin& column : columns) y.set(to++, largest(x, plane, in[3], row, column));
    }
  }
}

void max_roi_pool(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  with_reals(ev.output().type.dtype, [&](auto zero) { max_pool<decltype(zero)>(ev); });
}

// --- drafting ----------------------------------------------------------------------------------------

// Image, scale and the corners of regions: mostly inside the image.
struct Regions {
  ArrayType x;
  std::int64_t count;
  std::vector<double> corners;  // x1, y1, x2, y2 of each
};
Regions draft_regions(Draft& d, std::string_view type, double grain) {
  Rng& rng = d.rng();
  Regions r;
  r.x = d.input({.types = drawable(d, type, kFloats), .min_rank = 4, .max_rank = 4});
  r.count = rng.range(1, 4);
  const double scale = rng.pick({1.0, 1.0, 0.5, 0.25, 2.0});
  if (scale != 1 || rng.chance(0.3)) d.attribute("spatial_scale", static_cast<float>(scale));
  for (std::int64_t i = 0; i < r.count; ++i) {
    double low[2], high[2];
    for (int axis : {0, 1}) {
      const auto size = static_cast<double>(r.x.dims[axis == 0 ? 3 : 2]);
      low[axis] = std::floor(rng.uniform(-0.5, 0.6 * size) / grain) * grain;
      high[axis] = std::ceil(rng.uniform(low[axis] + 0.1, size + 0.5) / grain) * grain;
    }
    for (double v : {low[0], low[1], high[0], high[1]}) r.corners.push_back(v / scale);
  }
  return r;
}

bool draft_align(Draft& d) {
  Rng& rng = d.rng();
  const Regions r = draft_regions(d, "T1", 0.125);
  d.input(Tensor::of(r.x.dtype, {r.count, 4}, r.corners), Role::kWeight);
  std::vector<std::int64_t> batches;
  for (std::int64_t i = 0; i < r.count; ++i) batches.push_back(rng.range(0, r.x.dims[0] - 1));
  d.input(Tensor::ints(batches));
  if (d.schema().has_attribute("coordinate_transformation_mode") && rng.chance(0.6))
    d.attribute("coordinate_transformation_mode",
                std::string(rng.pick({"half_pixel", "output_half_pixel", "output_half_pixel"})));
  if (rng.chance(0.4)) d.attribute("mode", std::string(rng.pick({"avg", "max"})));
  if (rng.chance(0.8)) d.attribute("output_height", rng.range(1, 4));
  if (rng.chance(0.8)) d.attribute("output_width", rng.range(1, 4));
  if (rng.chance(0.5)) d.attribute("sampling_ratio", rng.range(0, 3));
  return true;
}

bool draft_pool(Draft& d) {
  Rng& rng = d.rng();
  const Regions r = draft_regions(d, "T", 1);
  std::vector<double> rois;
  for (std::size_t i = 0; i < r.corners.size(); ++i) {
    if (i % 4 == 0) rois.push_back(static_cast<double>(rng.range(0, r.x.dims[0] - 1)));
    rois.push_back(r.corners[i]);
  }
  d.input(Tensor::of(r.x.dtype, {r.count, 5}, rois), Role::kWeight);
  d.attribute("pooled_shape", std::vector<std::int64_t>{rng.range(1, 4), rng.range(1, 4)});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "RoiAlign", .since = 10, .draft = draft_align, .infer = infer_align, .evaluate = roi_align},
    {.name = "MaxRoiPool", .draft = draft_pool, .infer = infer_pool, .evaluate = max_roi_pool},
};

}  // namespace

namespace family {
extern constinit const Family roi = specs;
}

}  // namespace mob::ops
