// DeformConv: a convolution whose kernel reads the image between its pixels, each element at a place of its
// own.
#include <algorithm>

#include "fuzzer/ops/sampling.h"
#include "fuzzer/ops/windows.h"

namespace mob::ops {
namespace {

struct Plan {
  Windows windows;
  std::int64_t group = 1, offset_group = 1;
};

Plan plan(const Inference& inf) {
  Plan p;
  const Dims &x = inf.dims(0), &w = inf.dims(1), &offset = inf.dims(2);
  if (x.size() < 3 || w.size() != x.size() || offset.size() != x.size())
    throw InvalidNode("the ranks of image, weights and offsets differ");
  const Dims kernel(w.begin() + 2, w.end());
  const Dims said = inf.node().ints_or("kernel_shape", kernel);
  if (!said.empty() && said != kernel) throw InvalidNode("kernel_shape is not that of the weights");
  Windows& windows = p.windows = read_windows(inf, kernel);
  for (std::size_t d = 0; d < windows.rank(); ++d) {
    const std::int64_t room = windows.in[d] + windows.begin[d] + windows.end[d] - windows.span(d);
    if (room < 0) throw InvalidNode("the kernel is larger than the padded input");
    windows.out.push_back(room / windows.strides[d] + 1);
  }
  check_table(windows);
  p.group = inf.node().int_or("group", 1);
  p.offset_group = inf.node().int_or("offset_group", 1);
  if (p.group < 1 || p.offset_group < 1 || x[1] % p.group != 0 || x[1] % p.offset_group != 0 ||
      w[0] % p.group != 0 || x[1] / p.group != w[1])
    throw InvalidNode("the channels of image, weights and groups do not fit");
  const std::int64_t elements = element_count(kernel), rank = static_cast<std::int64_t>(windows.rank());
  if (elements > kMaxExtent / rank / p.offset_group) throw InvalidNode("the kernel is too large");
  const auto fits = [&](const Dims& dims, std::int64_t channels) {
    Dims wanted = {x[0], channels};
    wanted.insert(wanted.end(), windows.out.begin(), windows.out.end());
    return dims == wanted;
  };
  if (!fits(offset, p.offset_group * elements * rank)) throw InvalidNode("the offsets do not fit");
  if (inf.has_input(3) && inf.dims(3) != Dims{w[0]}) throw InvalidNode("the bias does not fit the channels");
  if (inf.has_input(4) && !fits(inf.dims(4), p.offset_group * elements))
    throw InvalidNode("the mask does not fit");
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  Dims dims = {inf.dims(0)[0], inf.dims(1)[0]};
  dims.insert(dims.end(), p.windows.out.begin(), p.windows.out.end());
  inf.set_output(0, {inf.type(0).dtype, dims});
}

template <class R>
class Deformed {
 public:
  Deformed(Evaluation& ev, const Plan& p)
      : ev_(ev),
        p_(p),
        x_(ev.reals<R>(0)),
        offset_(ev.reals<R>(2)),
        mask_(ev.has_input(4) ? &ev.reals<R>(4) : nullptr),
        round_(ev, ev.type(0).dtype),
        step_(strides(p.windows.in)),
        places_(static_cast<std::size_t>(element_count(p.windows.out))),
        elements_(static_cast<std::size_t>(element_count(p.windows.kernel))) {
    const auto plane = static_cast<std::size_t>(element_count(p.windows.in));
    for (std::int64_t i = 0; i < ev.dims(0)[0] * ev.dims(0)[1]; ++i)
      plain_.push_back(plain_plane(x_, static_cast<std::size_t>(i) * plane, plane));
  }

  // What stands under each [channel][kernel element] at output position `o` (its index and offset).
  std::vector<Approx<R>> column(std::size_t n, const Dims& index, std::size_t o) const {
    const auto channels = static_cast<std::size_t>(ev_.dims(0)[1]);
    const auto groups = static_cast<std::size_t>(p_.offset_group);
    const auto plane = static_cast<std::size_t>(element_count(p_.windows.in));
    std::vector<Approx<R>> values(channels * elements_);
    for (std::size_t g = 0; g < groups; ++g) {
      std::size_t k = 0;
      for_each_index(p_.windows.kernel, [&](const Dims& element) {
        const std::size_t at = (n * groups + g) * elements_ + k;
        const auto pixels = read(index, element, at, o);
        const bool outside =
            pixels && std::any_of(pixels->begin(), pixels->end(), [](auto& p) { return p.at < 0; });
        const Approx<R> mask = mask_ ? (*mask_)[at * places_ + o] : Approx<R>{1, 0};
        for (std::size_t c = g * channels / groups; c < (g + 1) * channels / groups; ++c) {
          Approx<R> v = open_value<R>();
          if (pixels && (!outside || plain_[n * channels + c]))
            v = weighed(x_, (n * channels + c) * plane, *pixels, round_.rounding(), R(8));
          values[c * elements_ + k] = mask_ ? round_(v * mask) : v;
        }
        ++k;
      });
    }
    return values;
  }

 private:
  // The pixels that one kernel element weighs; nothing where its place is unknown.
  std::optional<Pixels<R>> read(const Dims& index, const Dims& element, std::size_t at, std::size_t o) const {
    const Windows& w = p_.windows;
    std::vector<Pixels<R>> axes(w.rank());
    for (std::size_t d = 0; d < w.rank(); ++d) {
      const std::int64_t base = index[d] * w.strides[d] - w.begin[d] + element[d] * w.dilations[d];
      const Approx<R> moved = offset_[(at * w.rank() + d) * places_ + o];
      const Approx<R> c = round_(Approx<R>{static_cast<R>(base), 0} + moved);
      if (!usable(c)) return std::nullopt;
      const auto size = w.in[d];
      axes[d] = linear_pixels(c, round_, [&](std::int64_t j) { return j >= 0 && j < size ? j : -1; });
    }
    std::vector<const Pixels<R>*> chosen;
    for (const auto& a : axes) chosen.push_back(&a);
    return cross(chosen, step_, round_);
  }

  Evaluation& ev_;
  const Plan& p_;
  const Reals<R>& x_;
  const Reals<R>& offset_;
  const Reals<R>* mask_;
  RoundTo<R> round_;
  std::vector<bool> plain_;  // planes
  Dims step_;
  std::size_t places_, elements_;
};

template <class R>
void convolve(Evaluation& ev, const Plan& p) {
  const auto& weights = ev.reals<R>(1);
  const Reals<R>* bias = ev.has_input(3) ? &ev.reals<R>(3) : nullptr;
  auto& y = ev.out_reals<R>();
  const auto rounding = ev.rounding<R>();
  const Deformed<R> deformed(ev, p);
  const auto out = static_cast<std::size_t>(ev.dims(1)[0]);
  const auto places = static_cast<std::size_t>(element_count(p.windows.out));
  const auto depth = static_cast<std::size_t>(ev.dims(1)[1] * element_count(p.windows.kernel));
  const std::size_t per_group = out / static_cast<std::size_t>(p.group);
  for (std::size_t n = 0; n < static_cast<std::size_t>(ev.dims(0)[0]); ++n) {
    std::size_t o = 0;
    for_each_index(p.windows.out, [&](const Dims& index) {
      const auto column = deformed.column(n, index, o);
      for (std::size_t m = 0; m < out; ++m) {
        Sum<R> sum;
        for (std::size_t i = 0; i < depth; ++i)
          sum.add_product(weights[m * depth + i], column[m / per_group * depth + i]);
        if (bias != nullptr) sum.add((*bias)[m]);
        y.set((n * out + m) * places + o, rounding.add(sum.result(rounding, 1)));
      }
      ++o;
    });
  }
}

void evaluate(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const Plan p = plan(ev);
  with_reals(ev.output().type.dtype, [&](auto zero) { convolve<decltype(zero)>(ev, p); });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  // Runtimes take images.
  const std::int64_t group = rng.chance(0.3) ? 2 : 1, offset_group = rng.chance(0.3) ? 2 : 1;
  const std::int64_t channels = 2 * rng.range(1, 2), batch = rng.range(1, 2), out = group * rng.range(1, 3);
  const std::int64_t least = rng.range(1, 3);
  const ArrayType x = d.input(
      {.types = drawable(d, "T", kFloats), .dims = Dims{batch, channels, kAny, kAny}, .min_size = least});
  Dims kernel, strides, dilations, begin, end, places;
  const bool padded = rng.chance(0.5), strided = rng.chance(0.3), dilated = rng.chance(0.2);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t size = x.dims[2 + i];
    kernel.push_back(rng.range(1, std::min<std::int64_t>(size, 3)));
    strides.push_back(strided ? rng.range(1, 2) : 1);
    dilations.push_back(dilated && (kernel[i] - 1) * 2 < size ? 2 : 1);
    begin.push_back(padded ? rng.range(0, 1) : 0);
    end.push_back(padded ? rng.range(0, 1) : 0);
    const std::int64_t span = (kernel[i] - 1) * dilations[i] + 1;
    places.push_back((size + begin[i] + end[i] - span) / strides[i] + 1);
  }
  const std::int64_t elements = element_count(kernel);
  d.input(
      {.types = x.dtype, .dims = Dims{out, channels / group, kernel[0], kernel[1]}, .role = Role::kWeight});
  d.input({.types = x.dtype,
           .dims = Dims{batch, offset_group * elements * 2, places[0], places[1]},
           .range = {.low = -1.25, .high = 1.25, .integral = rng.chance(0.1)}});
  const bool with_mask = rng.chance(0.5);
  if (rng.chance(0.5))
    d.input({.types = x.dtype, .dims = Dims{out}, .role = Role::kWeight});
  else if (with_mask)
    d.skip_input();
  if (with_mask)
    d.input({.types = x.dtype,
             .dims = Dims{batch, offset_group * elements, places[0], places[1]},
             .range = {.low = 0, .high = 1}});
  if (group != 1 || rng.chance(0.2)) d.attribute("group", group);
  if (offset_group != 1 || rng.chance(0.2)) d.attribute("offset_group", offset_group);
  if (rng.chance(0.5)) d.attribute("kernel_shape", kernel);
  if (strided || rng.chance(0.2)) d.attribute("strides", strides);
  if (dilated || rng.chance(0.2)) d.attribute("dilations", dilations);
  begin.insert(begin.end(), end.begin(), end.end());
  if (padded || rng.chance(0.2)) d.attribute("pads", begin);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "DeformConv", .since = 19, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family deform_conv = specs;
}

}  // namespace mob::ops
