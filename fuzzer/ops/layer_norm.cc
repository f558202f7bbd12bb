// LayerNormalization, RMSNormalization: over the trailing axes, stage one in the type that stash_type names.
#include "fuzzer/ops/standardize.h"

namespace mob::ops {
namespace {

std::int64_t first_axis(const Inference& inf) {
  return Inference::axis(inf.node().int_or("axis", -1), inf.rank(0));
}

std::vector<std::int64_t> normalized_axes(const Inference& inf) {
  std::vector<std::int64_t> axes;
  for (std::int64_t a = first_axis(inf); a < inf.rank(0); ++a) axes.push_back(a);
  return axes;
}

DType stash_type(const Inference& inf) {
  const std::int64_t t = inf.node().int_or("stash_type", 1);
  if (t < 0 || t >= kDTypeCount || !kFloats.has(static_cast<DType>(t)))
    throw InvalidNode("stash_type " + std::to_string(t) + " is no floating-point type");
  return static_cast<DType>(t);
}

void check_broadcast(const Inference& inf, std::size_t i) {
  if (inf.has_input(i) && !broadcasts_to(inf.dims(i), inf.dims(0)))
    throw InvalidNode("scale or bias does not broadcast to X");
}

void infer_layer(Inference& inf) {
  check_broadcast(inf, 1);
  check_broadcast(inf, 2);
  Dims reduced = inf.dims(0);
  for (std::int64_t a : normalized_axes(inf)) reduced[static_cast<std::size_t>(a)] = 1;
  inf.set_output(0, inf.type(0));
  inf.set_output(1, {stash_type(inf), reduced});
  inf.set_output(2, {stash_type(inf), reduced});
}

void infer_rms(Inference& inf) {
  check_broadcast(inf, 1);
  stash_type(inf);
  normalized_axes(inf);
  inf.set_output(0, {inf.type(1).dtype, inf.dims(0)});
}

// Results of stage one beside Y.
template <class R>
void store_statistics(Evaluation& ev, std::size_t g, const Standardized<R>& norm) {
  const auto rounding = ev.rounding_of<R>(stash_type(ev));
  if (ev.wants(1)) set_real(ev.output(1), g, rounding.add(norm.mean()));
  if (ev.wants(2)) set_real(ev.output(2), g, rounding.add(norm.inverse_deviation()));
}

void evaluate(Evaluation& ev, Center center) {
  const Groups groups = groups_along(ev.dims(0), normalized_axes(ev));
  if (groups.size == 0) {
    for (std::size_t i : {1, 2})
      for (std::size_t g = 0; center == Center::kMean && ev.wants(i) && g < groups.count; ++g) {
        ev.unspecified("statistics of an empty set");
        set_open(ev.output(i), g);
      }
    return;
  }
  const Dims& dims = ev.dims(0);
  const auto at_scale = broadcast_map(ev.dims(1), dims);
  const bool has_bias = center == Center::kMean && ev.has_input(2);
  const auto at_bias = has_bias ? broadcast_map(ev.dims(2), dims) : std::vector<std::int64_t>();
  with_widest(ev, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    const auto& scale = ev.reals<R>(1);
    const Reals<R>* bias = has_bias ? &ev.reals<R>(2) : nullptr;
    const auto epsilon = static_cast<R>(ev.node().float_or("epsilon", static_cast<double>(1e-5f)));
    // A double is cast to float in stage one, says the ONNX spec; kernels do not all do so.
    const auto stage = ev.rounding_of<R>(stash_type(ev));
    const auto rounding = ev.rounding_of<R>(coarsest({ev.type(0).dtype, ev.output().type.dtype}));
    for (std::size_t g = 0; g < groups.count; ++g) {
      const Standardized<R> norm(x, groups[g], epsilon, center, stage);
      for (std::int64_t index : groups[g]) {
        const auto i = static_cast<std::size_t>(index);
        const Approx<R> normalized = norm(x[i]), factor = scale[at(at_scale, i)];
        set_real(ev.output(), i,
                 bias ? scaled(normalized, factor, (*bias)[at(at_bias, i)], rounding)
                      : rounding.add(rounding.add(normalized) * factor));
      }
      if (center == Center::kMean) store_statistics(ev, g, norm);
    }
  });
}
void layer_norm(Evaluation& ev) {
  evaluate(ev, Center::kMean);
}
void rms_norm(Evaluation& ev) {
  evaluate(ev, Center::kZero);
}

// X and the trailing dimensions of scale and bias; sometimes these broadcast.
bool draft(Draft& d, Center center) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T"), .min_rank = 1, .max_rank = 5});
  const auto rank = static_cast<std::int64_t>(x.rank());
  const std::int64_t axis = rng.chance(0.6) ? rank - 1 : rng.range(0, rank - 1);
  if (axis != rank - 1 || rng.chance(0.5)) d.attribute("axis", rng.chance(0.5) ? axis - rank : axis);
  const Dims normalized(x.dims.begin() + axis, x.dims.end());
  const auto parameter = [&](double low, double high) {
    const Dims dims = rng.chance(0.1) ? smaller_broadcast(rng, normalized) : normalized;
    d.input({.types = x.dtype, .dims = dims, .role = Role::kWeight, .range = {.low = low, .high = high}});
  };
  parameter(0.5, 1.5);
  if (center == Center::kMean && rng.chance(0.7)) parameter(-1, 1);
  if (rng.chance(0.5)) d.attribute("epsilon", rng.pick({1e-5f, 1e-6f, 1e-12f, 1e-3f, 0.1f}));
  if (rng.chance(0.2)) d.attribute("stash_type", std::int64_t{1});
  if (center == Center::kMean && rng.chance(0.15)) d.outputs(rng.chance(0.5) ? 2 : 3);
  return true;
}
bool draft_layer(Draft& d) {
  return draft(d, Center::kMean);
}
bool draft_rms(Draft& d) {
  return draft(d, Center::kZero);
}

constexpr OpSpec specs[] = {
    {.name = "LayerNormalization",
     .since = 17,
     .draft = draft_layer,
     .infer = infer_layer,
     .evaluate = layer_norm},
    {.name = "RMSNormalization", .since = 23, .draft = draft_rms, .infer = infer_rms, .evaluate = rms_norm},
};

}  // namespace

namespace family {
extern constinit const Family layer_norm = specs;
}

}  // namespace mob::ops
