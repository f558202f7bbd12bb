// The activation functions that RNN, GRU and LSTM name in their attributes.
#pragma once

#include <cctype>

#include "fuzzer/ops/op_spec.h"

namespace mob::ops {

struct Activation {
  std::string name;  // in small letters
  double alpha = 0, beta = 0;
};

// What is known of them: which take an alpha or a beta, and the values in their absence.
struct ActivationForm {
  std::string_view name;
  bool has_alpha, has_beta;
  double alpha, beta;  // NaN: no default is told
};
inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
inline constexpr ActivationForm kActivations[] = {
    {"relu", false, false, 0, 0},
    {"tanh", false, false, 0, 0},
    {"sigmoid", false, false, 0, 0},
    {"softsign", false, false, 0, 0},
    {"softplus", false, false, 0, 0},
    {"affine", true, true, kNone, kNone},
    {"leakyrelu", true, false, 0.01f, 0},
    {"thresholdedrelu", true, false, 1, 0},
    {"scaledtanh", true, true, kNone, kNone},
    {"hardsigmoid", true, true, 0.2f, 0.5f},
    {"elu", true, false, 1, 0},
};

// Alphas and betas are consumed in order by the functions that take one.
inline std::vector<Activation> read_activations(const std::vector<std::string>& names,
                                                const std::vector<double>& alphas,
                                                const std::vector<double>& betas) {
  std::size_t next_alpha = 0, next_beta = 0;
  std::vector<Activation> result;
  for (std::string name : names) {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto* known = std::find_if(std::begin(kActivations), std::end(kActivations),
                                     [&](const ActivationForm& p) { return p.name == name; });
    if (known == std::end(kActivations)) throw InvalidNode("unknown activation");
    Activation f{.name = name, .alpha = known->alpha, .beta = known->beta};
    if (known->has_alpha && next_alpha < alphas.size()) f.alpha = alphas[next_alpha++];
    if (known->has_beta && next_beta < betas.size()) f.beta = betas[next_beta++];
    if (std::isnan(f.alpha) || std::isnan(f.beta)) throw Unsupported("an activation without alpha or beta");
    result.push_back(f);
  }
  return result;
}

// The function's value. Kernels use rational approximations.
template <class R>
Approx<R> apply(const Activation& f, Approx<R> x, const Rounding<R>& rounding) {
  if (std::isnan(x.v)) return open_value<R>();  // some kernels clamp it away
  const R alpha = static_cast<R>(f.alpha), beta = static_cast<R>(f.beta);
  if (f.name == "relu") return monotone(x, [](R v) { return v < 0 ? R(0) : v; });
  // The logistic function is made of tanh and errs absolutely.
  if (f.name == "tanh") return rounding.add(monotone(x, [](R v) { return std::tanh(v); }), 8, 1);
  if (f.name == "sigmoid") return rounding.add(monotone(x, [](R v) { return 1 / (1 + std::exp(-v)); }), 4, 4);
  if (f.name == "softsign")
    return rounding.add(
        monotone(x, [](R v) { return std::isinf(v) ? std::copysign(R(1), v) : v / (1 + std::fabs(v)); }), 3);
  if (f.name == "softplus")
    return rounding.add(
        monotone(x, [](R v) { return std::max(v, R(0)) + std::log1p(std::exp(-std::fabs(v))); }), 8, 4);
  if (f.name == "affine") return rounding.add(rounding.add(Approx<R>{alpha} * x) + Approx<R>{beta});
  if (f.name == "leakyrelu")
    return rounding.add(alpha >= 0
                            ? monotone(x, [=](R v) { return v < 0 ? alpha * v : v; })
                            : lipschitz(
                                  x, [=](R v) { return v < 0 ? alpha * v : v; }, std::max(R(1), -alpha)));
  if (f.name == "thresholdedrelu") {  // at alpha itself, the operator of this name gives 0
    const auto y = [=](R v) { return v >= alpha ? v : R(0); };
    if (std::fabs(x.v - alpha) > x.e) return Approx<R>{y(x.v), x.v >= alpha ? x.e : R(0)};
    return either(Approx<R>{y(x.v), x.v >= alpha ? x.e : R(0)}, x.v >= alpha ? Approx<R>{0, 0} : x);
  }
  if (f.name == "scaledtanh")
    return rounding.add(
        Approx<R>{alpha} *
        rounding.add(monotone(rounding.add(Approx<R>{beta} * x), [](R v) { return std::tanh(v); }), 8, 1));
  if (f.name == "hardsigmoid")
    return monotone(rounding.add(rounding.add(Approx<R>{alpha} * x) + Approx<R>{beta}),
                    [](R v) { return std::isnan(v) ? v : std::clamp(v, R(0), R(1)); });
  // Elu: exp(x) - 1 may be calculated just so.
  return rounding.add(
      lipschitz(
          x, [=](R v) { return v < 0 ? alpha * std::expm1(v) : v; }, std::max(R(1), std::fabs(alpha))),
      8, x.v - x.e < 0 ? 4 * std::fabs(alpha) : R(0));
}

}  // namespace mob::ops
