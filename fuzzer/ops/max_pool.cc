// MaxPool, GlobalMaxPool, MaxUnpool.
#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/windows.h"

namespace mob::ops {
namespace {

Dims kernel_of(const Inference& inf) {
  if (!inf.node().has("kernel_shape")) throw InvalidNode("kernel_shape is missing");
  return inf.node().ints_or("kernel_shape", {});
}

void infer_max_pool(Inference& inf) {
  const Windows w = sliding_windows(inf, kernel_of(inf));
  Dims dims = {inf.dims(0)[0], inf.dims(0)[1]};
  dims.insert(dims.end(), w.out.begin(), w.out.end());
  inf.set_output(0, {inf.type(0).dtype, dims});
  if (inf.wants(1)) inf.set_output(1, {DType::kInt64, dims});
}

// What may stand at one place: an interval around a value. Integers count as long doubles, which hold them.
template <class R>
struct Candidate {
  R low, value, high;
  bool open;
};
template <class R>
Candidate<R> candidate(const Reals<R>& x, std::size_t i) {
  const Approx<R> a = x[i];
  if (!a.finite()) return {a.v, a.v, a.v, std::isnan(a.v) || a.open()};
  return {a.low(), a.v, a.high(), a.open()};
}

template <class R>
struct Largest {
  R low = -kInfinity<R>, value = -kInfinity<R>, high = -kInfinity<R>;
  std::size_t at = 0;
  bool open = true;      // nothing stands in the window, a NaN or an open element
  bool decided = false;  // `at` is the only place where the largest can stand
};
// The largest of a window, and where it stands.
template <class R>
Largest<R> largest(const Reals<R>& x, std::size_t plane, std::span<const std::size_t> window, bool decide) {
  Largest<R> best;
  best.open = window.empty();
  for (std::size_t i : window) {
    const Candidate<R> c = candidate(x, plane + i);
    best.open = best.open || c.open;
    if (c.value > best.value || i == window.front()) best.value = c.value, best.at = i;
    best.low = std::max(best.low, c.low);
    best.high = std::max(best.high, c.high);
  }
  best.decided = decide && !best.open;
  if (!best.decided) return best;
  for (std::size_t i : window)
    if (i != best.at && !(candidate(x, plane + i).high < candidate(x, plane + best.at).low))
      best.decided = false;
  return best;
}

template <class R>
void put(Evaluation& ev, std::size_t i, const Largest<R>& best) {
  Expected& y = ev.output();
  if (y.holds_ints()) {
    y.ints().v[i] = best.open ? 0 : static_cast<std::int64_t>(best.value);
    if (best.open)
      y.ints().set_bound(i, Ints::kOpen);
    else if (best.high > best.value || best.low < best.value)
      y.ints().set_bound(i,
                         static_cast<std::int64_t>(std::max(best.high - best.value, best.value - best.low)));
    return;
  }
  auto& reals = std::get<Reals<R>>(y.data);
  if (best.open)
    reals.set(i, open_value<R>());
  else if (!std::isfinite(best.value))
    reals.set(i, {best.value, 0});
  else
    reals.set(i, {best.value, std::max(best.high - best.value, best.value - best.low)});
}

// The reason why a window's result is open at its source, if it is: else the input was open.
template <class R>
std::string_view reason(const Reals<R>& x, std::size_t plane, std::span<const std::size_t> window) {
  if (window.empty()) return "maximum of nothing";
  for (std::size_t i : window)
    if (std::isnan(x.v[plane + i])) return "maximum with a NaN";
  return "";
}

// Offset of a spatial position with the first axis running fastest. An empty image has none: windows of pads
// only point to its begin.
std::int64_t column_major(std::int64_t at, const Dims& dims) {
  if (element_count(dims) == 0) return at;
  std::int64_t result = 0;
  for (std::size_t d = dims.size(); d-- > 0;) {
    result += at % dims[d] * product(dims, 0, d);
    at /= dims[d];
  }
  return result;
}

template <class R>
void pool(Evaluation& ev, const Dims& in, const Taps& taps) {
  const auto& x = ev.reals<R>(0);
  const auto plane_in = static_cast<std::size_t>(element_count(in)), plane_out = taps.first.size() - 1;
  const auto planes = static_cast<std::size_t>(ev.dims(0)[0] * ev.dims(0)[1]);
  const bool wants_indices = ev.wants(1), by_columns = ev.node().int_or("storage_order", 0) != 0;
  for (std::size_t p = 0; p < planes; ++p)
    for (std::size_t o = 0; o < plane_out; ++o) {
      const std::span window(taps.input.data() + taps.first[o], taps.first[o + 1] - taps.first[o]);
      const Largest<R> best = largest(x, p * plane_in, window, wants_indices);
      const std::size_t i = p * plane_out + o;
      put(ev, i, best);
      if (best.open)
        if (const auto why = reason(x, p * plane_in, window); !why.empty()) ev.unspecified(why);
      if (!wants_indices) continue;
      const auto at = static_cast<std::int64_t>(best.at);
      ev.out_ints(1).v[i] =
          static_cast<std::int64_t>(p * plane_in) + (by_columns ? column_major(at, in) : at);
      if (!best.decided) {
        ev.out_ints(1).set_bound(i, Ints::kOpen);
        if (!best.open && best.low == best.high) ev.unspecified("index of the largest among equals");
      }
    }
}

// int8 and uint8 are calculated as reals, exactly.
void evaluate(Evaluation& ev, const Dims& in, const Taps& taps) {
  with_reals(ev.output().type.dtype, [&](auto zero) { pool<decltype(zero)>(ev, in, taps); });
}

void max_pool(Evaluation& ev) {
  const Windows w = sliding_windows(ev, kernel_of(ev));
  evaluate(ev, w.in, taps(w));
}

void infer_global(Inference& inf) {
  spatial(inf);
  Dims dims = inf.dims(0);
  std::fill(dims.begin() + 2, dims.end(), 1);
  inf.set_output(0, {inf.type(0).dtype, dims});
}

void global_max_pool(Evaluation& ev) {
  const Dims in = spatial(ev);
  Taps all;
  all.input.resize(static_cast<std::size_t>(element_count(in)));
  for (std::size_t i = 0; i < all.input.size(); ++i) all.input[i] = i;
  all.first = {0, all.input.size()};
  evaluate(ev, in, all);
}

void infer_unpool(Inference& inf) {
  const Windows w = read_windows(inf, kernel_of(inf));
  if (inf.dims(1) != inf.dims(0)) throw InvalidNode("indices and values differ in shape");
  Dims dims = {inf.dims(0)[0], inf.dims(0)[1]};
  for (std::size_t d = 0; d < w.rank(); ++d) {
    if (w.in[d] > kMaxExtent / w.strides[d]) throw Unsupported("the image is too large");
    dims.push_back((w.in[d] - 1) * w.strides[d] - w.begin[d] - w.end[d] + w.kernel[d]);
    if (dims.back() < 0) throw InvalidNode("the pads leave no output");
  }
  long double elements = 1;
  for (std::int64_t size : dims) elements *= static_cast<long double>(size);
  if (elements > 0x1p27L) throw Unsupported("the output is too large");
  // The text gives indices into the output; the published node case gives them into the natural shape.
  if (inf.has_input(2) && inf.ints(2) != dims)
    throw Unsupported("MaxUnpool indices with an output_shape of its own are told in two ways");
  inf.set_output(0, {inf.type(0).dtype, dims});
}

void max_unpool(Evaluation& ev) {
  const Ints& indices = ev.input_ints(1);
  Expected& y = ev.output();
  const auto count = y.count();
  std::vector<bool> taken(count, false);
  for (std::size_t i = 0; i < indices.v.size(); ++i) {
    if (indices.bound(i) != 0) {  // it may have gone anywhere
      for (std::size_t o = 0; o < count; ++o) set_open(y, o);
      return;
    }
    if (indices.v[i] < 0 || static_cast<std::uint64_t>(indices.v[i]) >= count)
      throw InvalidNode("an index is out of range");
    const auto o = static_cast<std::size_t>(indices.v[i]);
    if (taken[o] && !(y.value_at(o) == ev.input(0).value_at(i) && y.bound_at(o) == ev.input(0).bound_at(i))) {
      set_open(y, o);
      ev.unspecified("two values for one place");
      continue;
    }
    taken[o] = true;
    copy_element(ev.input(0), i, y, o);
  }
}

bool draft_max_pool(Draft& d) {
  const ArrayType x = draft_image(d, drawable(d, "T"));
  const Dims kernel = draft_windows(d, Dims(x.dims.begin() + 2, x.dims.end()), false);
  d.attribute("kernel_shape", kernel);
  if (d.rng().chance(0.25)) {
    d.outputs(2);
    if (d.rng().chance(0.4)) d.attribute("storage_order", std::int64_t{d.rng().chance(0.6)});
  }
  return true;
}

bool draft_global(Draft& d) {
  draft_image(d, drawable(d, "T"));
  return true;
}

// Windows side by side, and one place drawn in each.
bool draft_unpool(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T1"), .min_rank = 3, .max_rank = 5});
  Dims kernel, strides, out = {x.dims[0], x.dims[1]};
  for (std::size_t i = 2; i < x.rank(); ++i) {
    kernel.push_back(rng.range(1, 3));
    strides.push_back(kernel.back() + rng.range(0, 1));
    out.push_back((x.dims[i] - 1) * strides.back() + kernel.back());
  }
  const Dims step = ops::strides(out);
  std::vector<std::int64_t> indices;
  for_each_index(x.dims, [&](const Dims& index) {
    std::int64_t at = index[0] * step[0] + index[1] * step[1];
    for (std::size_t i = 0; i < kernel.size(); ++i)
      at += (index[i + 2] * strides[i] + rng.range(0, kernel[i] - 1)) * step[i + 2];
    indices.push_back(at);
  });
  d.input(Tensor::of_ints(DType::kInt64, x.dims, indices));
  if (rng.chance(0.3)) d.input(Tensor::ints(out));
  d.attribute("kernel_shape", kernel);
  if (strides != Dims(kernel.size(), 1) || rng.chance(0.3)) d.attribute("strides", strides);
  if (rng.chance(0.2)) d.attribute("pads", Dims(2 * kernel.size(), 0));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "MaxPool", .draft = draft_max_pool, .infer = infer_max_pool, .evaluate = max_pool},
    {.name = "GlobalMaxPool", .draft = draft_global, .infer = infer_global, .evaluate = global_max_pool},
    {.name = "MaxUnpool", .since = 9, .draft = draft_unpool, .infer = infer_unpool, .evaluate = max_unpool},
};

}  // namespace

namespace family {
extern constinit const Family max_pool = specs;
}

}  // namespace mob::ops
