// ConvInteger, QLinearConv: convolutions of integers less their zero points, summed exactly.
#include "fuzzer/ops/known_limits.h"

namespace mob::ops {
namespace {

// Where weights, zero points and bias stand among the inputs; the image is input 0. kNone: there is none.
constexpr std::size_t kNone = 99;
struct Slots {
  std::size_t weights, x_zero, w_zero, bias;
};
constexpr Slots kInteger = {1, 2, 3, kNone};
constexpr Slots kQLinear = {3, 2, 5, 8};

// A scalar, or one per output channel.
void check_parameter(const Inference& inf, std::size_t i, std::int64_t channels) {
  if (!inf.has_input(i) || element_count(inf.dims(i)) == 1) return;
  if (inf.dims(i) != Dims{channels})
    throw InvalidNode("a scale or zero point does not fit the output channels");
}

std::int64_t group_of(const Inference& inf) {
  return inf.node().int_or("group", 1);
}

Windows windows(const Inference& inf, const Slots& s) {
  const std::int64_t group = group_of(inf);
  const Dims &x = inf.dims(0), &w = inf.dims(s.weights);
  if (w.size() < 3 || w.size() != x.size()) throw InvalidNode("the ranks of image and weights differ");
  const Dims kernel(w.begin() + 2, w.end());
  const Dims said = inf.node().ints_or("kernel_shape", kernel);
  if (!said.empty() && said != kernel) throw InvalidNode("kernel_shape is not that of the weights");
  if (group < 1 || x[1] % group != 0 || x[1] / group != w[1] || w[0] % group != 0)
    throw InvalidNode("the channels of image, weights and group do not fit");
  if (inf.has_input(s.x_zero) && element_count(inf.dims(s.x_zero)) != 1)
    throw InvalidNode("the image has one zero point");
  check_parameter(inf, s.w_zero, w[0]);
  if (inf.has_input(s.bias) && inf.dims(s.bias) != Dims{w[0]})
    throw InvalidNode("the bias does not fit the channels");
  return sliding_windows(inf, kernel);
}

Dims out_dims(const Inference& inf, const Slots& s, const Windows& w) {
  Dims dims = {inf.dims(0)[0], inf.dims(s.weights)[0]};
  dims.insert(dims.end(), w.out.begin(), w.out.end());
  return dims;
}

// A parameter that is a scalar or has an entry per channel; 0 where it is left out.
class PerChannel {
 public:
  PerChannel(Evaluation& ev, std::size_t input)
      : values_(ev.has_input(input) ? &ev.reals<double>(input) : nullptr) {}
  Approx<double> operator[](std::size_t channel) const {
    if (values_ == nullptr) return {};
    return (*values_)[values_->v.size() == 1 ? 0 : channel];
  }

 private:
  const Reals<double>* values_;
};

// Calls f(index of y, exact sum, output channel) for every element.
template <class F>
void for_each_sum(Evaluation& ev, const Slots& s, F&& f) {
  const Windows w = windows(ev, s);
  const auto group = static_cast<std::size_t>(group_of(ev));
  const auto channels = static_cast<std::size_t>(ev.dims(s.weights)[1]),
             filters = static_cast<std::size_t>(ev.dims(s.weights)[0]);
  const auto in = static_cast<std::size_t>(element_count(w.in)),
             out = static_cast<std::size_t>(element_count(w.out));
  const auto kernel = static_cast<std::size_t>(element_count(w.kernel)), depth = channels * kernel;
  Reals<double> x = ev.reals<double>(0), weights = ev.reals<double>(s.weights);
  const Approx<double> x_zero = PerChannel(ev, s.x_zero)[0];
  const PerChannel w_zero(ev, s.w_zero), bias(ev, s.bias);
  for (std::size_t i = 0; i < x.v.size(); ++i) x.set(i, x[i] - x_zero);
  for (std::size_t i = 0; i < weights.v.size(); ++i) weights.set(i, weights[i] - w_zero[i / depth]);
  struct Tap {
    std::size_t out, kernel, in;
  };
  std::vector<Tap> taps;
  for_each_tap(w, [&](std::int64_t o, std::int64_t k, std::int64_t i) {
    taps.push_back({static_cast<std::size_t>(o), static_cast<std::size_t>(k), static_cast<std::size_t>(i)});
  });
  std::optional<ConvRows> rows;
  if (ev.arithmetic().saturating_u8s8 && depth > 0) rows.emplace(w, ev.dims(s.weights)[1]);
  std::vector<Approx<double>> sums(out);
  for (std::size_t n = 0, at_y = 0; n < static_cast<std::size_t>(ev.dims(0)[0]); ++n)
    for (std::size_t m = 0; m < filters; ++m) {
      const std::size_t image = (n * group + m / (filters / group)) * channels * in;
      sums.assign(out, bias[m]);
      for (std::size_t c = 0; c < channels; ++c)
        for (const Tap& t : taps)
          sums[t.out] = sums[t.out] + x[image + c * in + t.in] * weights[m * depth + c * kernel + t.kernel];
      for (std::size_t o = 0; o < out; ++o, ++at_y) {
        if (rows)
          sums[o].e += static_cast<double>(rows->gap(
              {ev.type(0).dtype, ev.input_ints(0).v.data() + image}, static_cast<std::int64_t>(x_zero.v),
              {ev.type(s.weights).dtype, &ev.input_ints(s.weights).v[m * depth]},
              static_cast<std::int64_t>(o)));
        f(at_y, sums[o], m);
      }
    }
}

// --- ConvInteger ---

void infer_integer(Inference& inf) {
  inf.set_output(0, {DType::kInt32, out_dims(inf, kInteger, windows(inf, kInteger))});
}

void integer(Evaluation& ev) {
  Ints& y = ev.out_ints();
  for_each_sum(ev, kInteger, [&](std::size_t i, Approx<double> sum, std::size_t) {
    y.v[i] = wrap(DType::kInt32, static_cast<std::int64_t>(sum.v));
    y.set_bound(i, sum.open() ? Ints::kOpen : static_cast<std::int64_t>(sum.e));
  });
}

// --- QLinearConv ---

void infer_qlinear(Inference& inf) {
  for (std::size_t i : {std::size_t{1}, std::size_t{6}, std::size_t{7}})
    if (element_count(inf.dims(i)) != 1) throw InvalidNode("image and result have one scale each");
  check_parameter(inf, 4, inf.dims(3).empty() ? 0 : inf.dims(3)[0]);
  inf.set_output(0, {inf.type(7).dtype, out_dims(inf, kQLinear, windows(inf, kQLinear))});
}

void qlinear(Evaluation& ev) {
  const Approx<double> sx = ev.reals<double>(1)[0], sy = ev.reals<double>(6)[0],
                       zero = ev.reals<double>(7)[0];
  const PerChannel sw(ev, 4);
  // The sum converted, two steps for the factor, the product, and one to spare for dividing late.
  Quantizer quantizer(ev, Rounding<double>(DType::kFloat), 5);
  for_each_sum(ev, kQLinear, [&](std::size_t i, Approx<double> sum, std::size_t channel) {
    if (std::fabs(sum.v) > 0x1p31) sum = open_value(sum.v);  // the sum of a kernel has 32 bits
    quantizer.set(i, sum * (sx * sw[channel] / sy), zero);
  });
}

// --- drafts ---

struct Drafted {
  ArrayType x;
  std::int64_t filters = 1;
  Dims weights;
};

// Draws the image and the attributes.
Drafted draft_geometry(Draft& d, DType x_type) {
  Rng& rng = d.rng();
  Drafted r;
  r.x = draft_image(d, x_type, 2, whole_range(x_type));
  const Dims kernel = draft_windows(d, Dims(r.x.dims.begin() + 2, r.x.dims.end()), true);
  const std::int64_t channels = r.x.dims[1];
  const std::int64_t group = channels > 1 && rng.chance(0.3)        ? channels
                             : channels % 2 == 0 && rng.chance(0.2) ? 2
                                                                    : 1;
  r.filters = group * rng.range(1, 3);
  r.weights = {r.filters, channels / group};
  r.weights.insert(r.weights.end(), kernel.begin(), kernel.end());
  if (group != 1 || rng.chance(0.3)) d.attribute("group", group);
  if (rng.chance(0.6)) d.attribute("kernel_shape", kernel);
  return r;
}

void draft_weights(Draft& d, DType t, const Dims& dims) {
  d.input({.types = t, .dims = dims, .role = Role::kWeight, .range = weight_range(d.rng(), t)});
}

// Kernels want one zero point for all weights.
Tensor one_zero(Rng& rng, DType t, const Dims& dims) {
  return Tensor::of_ints(
      t, dims, std::vector<std::int64_t>(static_cast<std::size_t>(element_count(dims)), draw_zero(rng, t)));
}

bool draft_integer(Draft& d) {
  Rng& rng = d.rng();
  const auto [tx, tw, ty] = draw_bytes(d);
  const Drafted g = draft_geometry(d, tx);
  draft_weights(d, tw, g.weights);
  const bool zero_x = rng.chance(0.6), zero_w = rng.chance(0.5);
  if (zero_x)
    d.input(one_zero(rng, tx, {}));
  else if (zero_w)
    d.skip_input();
  if (zero_w) d.input(one_zero(rng, tw, {}));
  return true;
}

bool draft_qlinear(Draft& d) {
  Rng& rng = d.rng();
  const auto [tx, tw, ty] = draw_bytes(d);
  const Drafted g = draft_geometry(d, tx);
  const Dims lines = rng.chance(0.4) ? Dims{g.filters} : Dims{};
  const double depth =
      static_cast<double>(std::max<std::int64_t>(product(g.weights, 1, g.weights.size()), 1));
  const float sx = draw_scale(rng, tx), sw = draw_scale(rng, tw);
  d.input(Tensor::scalar(DType::kFloat, sx));
  d.input(one_zero(rng, tx, {}));
  draft_weights(d, tw, g.weights);
  std::vector<double> scales(static_cast<std::size_t>(element_count(lines)));
  for (double& s : scales) s = sw * rng.uniform(0.5, 2);
  d.input(Tensor::of(DType::kFloat, lines, scales));
  d.input(one_zero(rng, tw, lines));
  d.input(Tensor::scalar(DType::kFloat, draw_scale(rng, ty, 2 * std::sqrt(depth))));
  d.input(one_zero(rng, ty, {}));
  if (rng.chance(0.6))
    d.input({.types = DType::kInt32,
             .dims = Dims{g.filters},
             .role = Role::kWeight,
             .range = {.low = -5000, .high = 5000, .integral = true}});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "ConvInteger", .since = 10, .draft = draft_integer, .infer = infer_integer, .evaluate = integer},
    {.name = "QLinearConv", .since = 10, .draft = draft_qlinear, .infer = infer_qlinear, .evaluate = qlinear},
};

}  // namespace

namespace family {
extern constinit const Family qlinear_conv = specs;
}

}  // namespace mob::ops
