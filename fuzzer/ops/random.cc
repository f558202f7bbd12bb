// Operators that draw random numbers, and Dropout, which draws in training only.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// The element type that attribute `dtype` names.
DType dtype_attribute(const Inference& inf, DType fallback) {
  const std::int64_t t = inf.node().int_or("dtype", static_cast<std::int64_t>(fallback));
  if (t <= 0 || t >= kDTypeCount) throw InvalidNode("dtype " + std::to_string(t) + " is no element type");
  const auto type = static_cast<DType>(t);
  if (!kAnyDType.has(type)) throw Unsupported("random numbers of type " + std::string(name(type)));
  return type;
}

DType float_attribute(const Inference& inf, DType fallback) {
  const DType t = dtype_attribute(inf, fallback);
  if (!kFloats.has(t)) throw InvalidNode("a dtype of floating-point numbers is needed");
  return t;
}

void infer_shaped(Inference& inf) {
  Dims shape = inf.node().ints_or("shape", {});
  for (std::int64_t size : shape)
    if (size < 0) throw InvalidNode("a size below 0");
  inf.set_output(0, {float_attribute(inf, DType::kFloat), std::move(shape)});
}

void infer_like(Inference& inf) {
  inf.set_output(0, {float_attribute(inf, inf.type(0).dtype), inf.dims(0)});
}

void infer_bernoulli(Inference& inf) {
  inf.set_output(0, {dtype_attribute(inf, inf.type(0).dtype), inf.dims(0)});
}

void infer_multinomial(Inference& inf) {
  const DType t = dtype_attribute(inf, DType::kInt32);
  const std::int64_t samples = inf.node().int_or("sample_size", 1);
  if (t != DType::kInt32 && t != DType::kInt64) throw InvalidNode("Multinomial gives int32 or int64");
  if (inf.rank(0) != 2 || samples < 0)
    throw InvalidNode("Multinomial takes [batch, classes] and a sample size");
  inf.set_output(0, {t, {inf.dims(0)[0], samples}});
}

void draw(Evaluation& ev) {
  ev.draw_output();
}

void draw_bernoulli(Evaluation& ev) {
  ev.draw_output();
  with_reals(ev.type(0).dtype, [&](auto zero) {
    const auto& p = ev.reals<decltype(zero)>(0);
    for (std::size_t i = 0; i < p.v.size(); ++i)
      if (!(p.v[i] >= 0 && p.v[i] <= 1)) ev.unspecified("a probability outside [0, 1]");
  });
}

// --- Dropout -----------------------------------------------------------------------------------------

void infer_dropout(Inference& inf) {
  inf.set_output(0, inf.type(0));
  inf.set_output(1, {inf.opset() < 10 ? inf.type(0).dtype : DType::kBool, inf.dims(0)});
}

bool drops(Evaluation& ev) {
  if (!ev.has_input(2)) return false;  // before opset 12 there is no training
  const auto training = ev.ints(2);
  if (training.size() != 1) throw InvalidNode("training_mode is a scalar");
  if (training[0] == 0) return false;
  if (!ev.has_input(1)) return true;
  const Expected& ratio = ev.input(1);
  if (ratio.count() != 1) throw InvalidNode("the ratio is a scalar");
  if (ratio.open_at(0) || ratio.bound_at(0) > 0) return true;
  const double r = ratio.value_at(0);
  if (!(r >= 0 && r < 1)) throw InvalidNode("the ratio lies outside [0, 1)");
  return r != 0;
}

void dropout(Evaluation& ev) {
  if (drops(ev)) {
    ev.draw_output();
    if (ev.wants(1)) ev.draw_output(1);
    return;
  }
  copy_elements(ev.input(0), ev.output());
  if (!ev.wants(1)) return;
  Expected& mask = ev.output(1);
  if (ev.opset() >= 12) {
    std::fill(mask.ints().v.begin(), mask.ints().v.end(), 1);
    return;
  }
  // The old forms say nothing of the mask outside training.
  ev.unspecified("the mask of Dropout before opset 12", mask.count());
  for (std::size_t i = 0; i < mask.count(); ++i) set_open(mask, i);
}

// --- drafting ----------------------------------------------------------------------------------------

void draft_seed(Draft& d) {
  if (d.rng().chance(0.3)) d.attribute("seed", static_cast<float>(d.rng().range(0, 1000)));
}

// Attribute dtype, or the given type left to stand; false where neither is possible.
bool draft_dtype(Draft& d, DTypeSet results, DType given) {
  if (results.empty()) return false;
  if (!results.has(given) || d.rng().chance(0.5))
    d.attribute("dtype", static_cast<std::int64_t>(d.rng().pick(results.list())));
  return true;
}

void draft_spread(Draft& d, std::string_view center_or_low, std::string_view scale_or_high) {
  if (d.rng().chance(0.4)) d.attribute(center_or_low, static_cast<float>(d.rng().uniform(-1, 0.5)));
  if (d.rng().chance(0.4)) d.attribute(scale_or_high, static_cast<float>(d.rng().uniform(0.75, 2)));
}

bool draft_shaped(Draft& d, std::string_view low, std::string_view high) {
  Dims shape;
  for (std::int64_t rank = d.rng().range(0, 4); rank > 0; --rank) shape.push_back(d.size());
  d.attribute("shape", shape);
  draft_spread(d, low, high);
  draft_seed(d);
  return draft_dtype(d, drawable(d, "T", kFloats), DType::kFloat);
}
bool draft_normal(Draft& d) {
  return draft_shaped(d, "mean", "scale");
}
bool draft_uniform(Draft& d) {
  return draft_shaped(d, "low", "high");
}

bool draft_like(Draft& d, std::string_view low, std::string_view high) {
  const ArrayType x = d.input({.types = drawable(d, "T1", kAnyDType)});
  draft_spread(d, low, high);
  draft_seed(d);
  return draft_dtype(d, drawable(d, "T2", kFloats), x.dtype);
}
bool draft_normal_like(Draft& d) {
  return draft_like(d, "mean", "scale");
}
bool draft_uniform_like(Draft& d) {
  return draft_like(d, "low", "high");
}

bool draft_bernoulli(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T1"), .range = {.low = 0, .high = 1}});
  draft_seed(d);
  return draft_dtype(d, drawable(d, "T2", kAnyDType), x.dtype);
}

bool draft_multinomial(Draft& d) {
  d.input({.types = drawable(d, "T1"), .dims = Dims{d.size(), kAny}, .range = {.low = -3, .high = 0}});
  if (d.rng().chance(0.6)) d.attribute("sample_size", d.rng().range(1, 8));
  draft_seed(d);
  return draft_dtype(d, drawable(d, "T2"), DType::kInt32);
}

bool draft_dropout(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kFloats)});
  const double ratio = rng.pick({0.0, 0.1, 0.25, 0.5, 0.75});
  if (d.schema().has_attribute("ratio")) {
    if (rng.chance(0.5)) d.attribute("ratio", static_cast<float>(ratio));
    return true;  // its mask says nothing
  }
  const bool with_ratio = rng.chance(0.7), with_mode = rng.chance(0.6);
  const DTypeSet ratios = drawable(d, "T1", kFloats);
  if (with_ratio && !ratios.empty())
    d.input(Tensor::scalar(ratios.has(x.dtype) ? x.dtype : ratios.list().front(), ratio));
  else if (with_mode)
    d.skip_input();
  // Mostly inference: what is drawn cannot be judged.
  if (with_mode) d.input(Tensor::scalar(DType::kBool, rng.chance(0.1) ? 1 : 0));
  if (rng.chance(0.1)) d.attribute("seed", rng.range(0, 1000));  // an int, unlike all others
  if (rng.chance(0.4)) d.outputs(2);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Dropout", .since = 7, .draft = draft_dropout, .infer = infer_dropout, .evaluate = dropout},
    {.name = "RandomNormal", .draft = draft_normal, .infer = infer_shaped, .evaluate = draw},
    {.name = "RandomUniform", .draft = draft_uniform, .infer = infer_shaped, .evaluate = draw},
    {.name = "RandomNormalLike", .draft = draft_normal_like, .infer = infer_like, .evaluate = draw},
    {.name = "RandomUniformLike", .draft = draft_uniform_like, .infer = infer_like, .evaluate = draw},
    {.name = "Bernoulli",
     .since = 15,
     .draft = draft_bernoulli,
     .infer = infer_bernoulli,
     .evaluate = draw_bernoulli},
    {.name = "Multinomial",
     .since = 7,
     .draft = draft_multinomial,
     .infer = infer_multinomial,
     .evaluate = draw},
};

}  // namespace

namespace family {
extern constinit const Family random = specs;
}

}  // namespace mob::ops
