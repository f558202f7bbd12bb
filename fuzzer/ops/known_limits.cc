#include "fuzzer/ops/known_limits.h"

namespace mob::ops {
namespace {

// Of a bound that a known limit adds: a kernel's float32 steps are small against it.
constexpr double kSlack = 1 + 0x1p-16;

bool is_byte(DType t) {
  return t == DType::kUint8 || t == DType::kInt8;
}

void widen(Reals<double>& y, std::size_t i, double by) {
  if (by > 0) y.e[i] += by * kSlack;
}

// One scale for all elements from `at` on, k of them.
bool one_scale(const Origin& o, std::size_t at, std::size_t stride, std::int64_t k) {
  for (std::int64_t i = 1; i < k; ++i)
    if (o.scale[at + static_cast<std::size_t>(i) * stride] != o.scale[at]) return false;
  return true;
}

// Adjacent products in 16 bits, operands shifted by what makes them uint8 or int8.
std::int64_t gap_of(IntRow a, std::int64_t shift_a, IntRow b, std::int64_t shift_b, std::int64_t k) {
  const auto product = [&](std::int64_t i) {
    return i < k ? (a.at[i * a.stride] + shift_a) * (b.at[i * b.stride] + shift_b) : 0;
  };
  std::int64_t gap = 0;
  for (std::int64_t i = 0; i < k; i += 2) {
    const std::int64_t pair = product(i) + product(i + 1);
    gap += std::clamp<std::int64_t>(pair, int_min(DType::kInt16), int_max(DType::kInt16)) - pair;
  }
  return std::abs(gap);
}

const Origin* integers(const Evaluation& ev, std::size_t input) {
  const Origin* o = ev.input(input).origin.get();
  return o != nullptr && o->quantized != DType::kUndefined ? o : nullptr;
}

// Float weights as ONNX Runtime's WeightBiasQuantization makes them: int8 with one scale, symmetric or over
// the range from the smallest to the largest.
Origin made_int8(const Reals<double>& weights, bool symmetric) {
  double low = 0, high = 0;
  for (double v : weights.v) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  const double step = symmetric ? std::max(high, -low) / 127 : (high - low) / 255;
  const double zero = symmetric || step == 0 ? 0 : std::nearbyint(-128 - low / step);
  Origin o;
  o.quantized = DType::kInt8;
  for (double v : weights.v)
    o.q.push_back(step > 0 && std::isfinite(v)
                      ? static_cast<std::int64_t>(std::clamp(std::nearbyint(v / step) + zero, -128.0, 127.0))
                      : 0);
  o.zero.assign(weights.v.size(), static_cast<std::int64_t>(zero));
  o.scale.assign(weights.v.size(), step);
  return o;
}

// The integers of the weights in input 1: given ones, or those that an optimizer may make.
std::vector<Origin> weights_of(Evaluation& ev) {
  if (const Origin* given = integers(ev, 1)) return {*given};
  if (!ev.arithmetic().quantized_weights || integers(ev, 0) == nullptr) return {};
  const auto& weights = ev.reals<double>(1);
  return {made_int8(weights, true), made_int8(weights, false)};
}

}  // namespace

std::int64_t saturation_gap(IntRow a, IntRow b, std::int64_t k) {
  if (!is_byte(a.type) || !is_byte(b.type)) return 0;
  if (a.type != b.type) return gap_of(a, 0, b, 0, k);
  if (a.type == DType::kUint8) return 0;
  return std::max(gap_of(a, 128, b, 0, k), gap_of(a, 0, b, 128, k));
}

void relax_products(Evaluation& ev, const MatmulPlan& p, const ProductForm& form) {
  auto* y = std::get_if<Reals<double>>(&ev.output().data);
  if (y == nullptr || p.k == 0) return;
  const std::vector<Origin> weights = weights_of(ev);
  if (weights.empty() || bits(weights[0].quantized) > 8) return;
  const Origin* qa = integers(ev, 0);
  const bool bytes = qa != nullptr && is_byte(qa->quantized) && is_byte(weights[0].quantized);
  const bool saturating = ev.arithmetic().saturating_u8s8 && bytes;
  const bool rounded = ev.arithmetic().quantized_activations && !bytes;
  const auto &a = ev.reals<double>(0), &b = ev.reals<double>(1);
  const auto ma = broadcast_map(p.a_batch, p.batch), mb = broadcast_map(p.b_batch, p.batch);
  const auto m = static_cast<std::size_t>(p.m), k = static_cast<std::size_t>(p.k),
             n = static_cast<std::size_t>(p.n);
  const std::size_t row_a = form.transpose_a ? 1 : k, step_a = form.transpose_a ? m : 1;
  const std::size_t row_b = form.transpose_b ? k : 1, step_b = form.transpose_b ? 1 : n;
  const double alpha = std::fabs(form.alpha);
  const auto saturated = [&](std::size_t ia, std::size_t ib) {
    double most = 0;
    for (const Origin& w : weights) {
      if (!one_scale(*qa, ia, step_a, p.k) || !one_scale(w, ib, step_b, p.k)) continue;
      const auto gap = saturation_gap({qa->quantized, &qa->q[ia], static_cast<std::int64_t>(step_a)},
                                      {w.quantized, &w.q[ib], static_cast<std::int64_t>(step_b)}, p.k);
      most = std::max(most, static_cast<double>(gap) * std::fabs(qa->scale[ia] * w.scale[ib]));
    }
    return most;
  };
  for (std::size_t s = 0, at_y = 0; s < static_cast<std::size_t>(element_count(p.batch)); ++s)
    for (std::size_t i = 0; i < m; ++i) {
      const std::size_t ia = at(ma, s) * m * k + i * row_a;
      double largest = 0;
      for (std::size_t q = 0; q < k; ++q)
        largest = std::max(largest, std::fabs(a.v[ia + q * step_a]) + a.e[ia + q * step_a]);
      for (std::size_t j = 0; j < n; ++j, ++at_y) {
        const std::size_t ib = at(mb, s) * k * n + j * row_b;
        if (saturating) widen(*y, at_y, alpha * saturated(ia, ib));
        if (rounded) {
          double sum = 0;
          for (std::size_t q = 0; q < k; ++q) sum += std::fabs(b.v[ib + q * step_b]) + b.e[ib + q * step_b];
          widen(*y, at_y, alpha * sum * largest / 127 / 2);
        }
      }
    }
}

void relax_quantized_weights(Evaluation& ev, std::int64_t depth, double alpha, double beta,
                             bool bias_follows) {
  auto* y = std::get_if<Reals<double>>(&ev.output().data);
  const Origin* qx = integers(ev, 0);
  if (y == nullptr || qx == nullptr || !ev.arithmetic().quantized_weights || qx->scale.empty()) return;
  const auto largest = [](const Reals<double>& x) {
    double most = 0;
    for (std::size_t i = 0; i < x.v.size(); ++i) most = std::max(most, std::fabs(x.v[i]) + x.e[i]);
    return most;
  };
  double step = 0, by = 0;  // of the weights
  if (const Origin* qw = integers(ev, 1)) {
    for (double s : qw->scale) step = std::max(step, std::fabs(s));
  } else {
    step = largest(ev.reals<double>(1)) / 127;
    by = std::fabs(alpha) * static_cast<double>(depth) * largest(ev.reals<double>(0)) * step / 2;
  }
  const double bias_step = std::fabs(qx->scale[0]) * step;
  if (bias_follows) by += bias_step / 2;
  if (ev.has_input(2) && integers(ev, 2) == nullptr) {
    const double bias = largest(ev.reals<double>(2));
    if (bias > bias_step * 0x1p31) return;
    by += std::fabs(beta) * bias_step / 2;
  }
  for (std::size_t i = 0; i < y->e.size(); ++i) widen(*y, i, by);
}

ConvRows::ConvRows(const Windows& w, std::int64_t group_channels)
    : channels_(group_channels),
      in_(element_count(w.in)),
      out_(element_count(w.out)),
      kernel_(element_count(w.kernel)) {
  map_.assign(static_cast<std::size_t>(kernel_ * out_), -1);
  for_each_tap(w, [&](std::int64_t o, std::int64_t k, std::int64_t i) {
    map_[static_cast<std::size_t>(k * out_ + o)] = i;
  });
  x_.resize(static_cast<std::size_t>(channels_ * kernel_));
  w_.resize(x_.size());
}

std::int64_t ConvRows::gap(IntRow image, std::int64_t zero, IntRow filter, std::int64_t o) {
  std::int64_t largest = 0;
  for (const bool channels_last : {false, true}) {
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::int64_t k = 0; k < kernel_; ++k) {
        const auto to = static_cast<std::size_t>(channels_last ? k * channels_ + c : c * kernel_ + k);
        const std::int64_t from = map_[static_cast<std::size_t>(k * out_ + o)];
        x_[to] = from < 0 ? zero : image.at[c * in_ + from];
        w_[to] = filter.at[c * kernel_ + k];
      }
    largest = std::max(
        largest, saturation_gap({image.type, x_.data()}, {filter.type, w_.data()}, channels_ * kernel_));
  }
  return largest;
}

void relax_conv(Evaluation& ev, const Windows& w, std::int64_t group) {
  auto* y = std::get_if<Reals<double>>(&ev.output().data);
  if (y == nullptr || !ev.arithmetic().saturating_u8s8 || y->v.empty()) return;
  const Origin* x = integers(ev, 0);
  const std::vector<Origin> weights = weights_of(ev);
  if (x == nullptr || weights.empty() || x->q.empty() || !is_byte(x->quantized) ||
      !is_byte(weights[0].quantized))
    return;
  if (!one_scale(*x, 0, 1, static_cast<std::int64_t>(x->scale.size()))) return;
  const std::int64_t channels = ev.dims(1)[1], filters = ev.dims(1)[0], in = element_count(w.in),
                     out = element_count(w.out);
  const std::int64_t depth = channels * element_count(w.kernel);
  ConvRows rows(w, channels);
  std::size_t at_y = 0;
  for (std::int64_t n = 0; n < ev.dims(0)[0]; ++n)
    for (std::int64_t m = 0; m < filters; ++m) {
      const auto at_w = static_cast<std::size_t>(m * depth);
      const std::int64_t at_x = (n * group + m / (filters / group)) * channels * in;
      for (std::int64_t o = 0; o < out; ++o, ++at_y) {
        double most = 0;
        for (const Origin& f : weights) {
          if (depth == 0 || !one_scale(f, at_w, 1, depth)) continue;
          const auto gap =
              rows.gap({x->quantized, x->q.data() + at_x}, x->zero[0], {f.quantized, &f.q[at_w]}, o);
          most = std::max(most, static_cast<double>(gap) * std::fabs(x->scale[0] * f.scale[at_w]));
        }
        widen(*y, at_y, most);
      }
    }
}

void note_softmax(Evaluation& ev) {
  const Origin* x = integers(ev, 0);
  if (x == nullptr || !is_byte(x->quantized)) return;
  auto origin = std::make_shared<Origin>();
  origin->softmax = true;
  ev.output().origin = std::move(origin);
}

double softmax_requantization(const Evaluation& ev, double x, double scale) {
  const Origin* o = ev.input(0).origin.get();
  if (o == nullptr || !o->softmax || !ev.arithmetic().skipped_requantization ||
      !is_byte(ev.outputs()[0].dtype))
    return 0;
  const double inverse = 1 / scale, gap = std::fabs(x * (inverse - std::floor(inverse)));
  return std::isfinite(gap) ? gap * kSlack : 0;
}

void note_quantized(Evaluation& ev) {
  const Expected& x = ev.input(0);
  auto origin = std::make_shared<Origin>();
  if (x.origin != nullptr && x.origin->pairs > 0) {
    origin->chain = x.origin->chain;
    origin->pairs = x.origin->pairs;
  } else {
    const auto& v = ev.reals<double>(0);
    constexpr double inf = kInfinity<double>;
    for (std::size_t i = 0; i < v.v.size(); ++i) {
      const bool known = !std::isnan(v.v[i]) && !v[i].open();
      origin->chain.push_back({known ? v[i].low() : -inf, known ? v[i].high() : inf, 0});
    }
  }
  ev.output().origin = std::move(origin);
}

void note_dequantized(Evaluation& ev, const Granularity& granularity) {
  if (!ev.input(0).holds_ints()) return;
  const Ints& x = ev.input_ints(0);
  const DType t = ev.type(0).dtype;
  const auto& scale = ev.reals<double>(1);
  auto origin = std::make_shared<Origin>();
  origin->quantized = t;
  origin->q = x.v;
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    origin->zero.push_back(ev.has_input(2) ? ev.input_ints(2).v[granularity(i)] : 0);
    origin->scale.push_back(scale.v[granularity(i)]);
  }
  const Origin* before = ev.input(0).origin.get();
  if (before != nullptr && !before->chain.empty()) {
    origin->chain = before->chain;
    origin->pairs = before->pairs + 1;
    auto& y = ev.out_reals<double>();
    for (std::size_t i = 0; i < x.v.size(); ++i) {
      Origin::Chain& c = origin->chain[i];
      const double s = origin->scale[i];
      const auto end = [&](std::int64_t q) { return static_cast<double>(q - origin->zero[i]) * s; };
      const auto [least, most] = std::minmax({end(int_min(t)), end(int_max(t))});
      if (!std::isfinite(least) || !std::isfinite(most)) continue;
      c.low = std::clamp(c.low, least, most);
      c.high = std::clamp(c.high, least, most);
      c.step = std::max(c.step, std::fabs(s));
      if (!ev.arithmetic().skipped_requantization || origin->pairs < 2) continue;
      const double reach = std::max(y.v[i] - c.low, c.high - y.v[i]) + c.step;
      y.e[i] = std::max(y.e[i], reach * kSlack);
    }
  }
  ev.output().origin = std::move(origin);
}

}  // namespace mob::ops
