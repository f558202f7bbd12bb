// Operators that make tensors: Constant, ConstantOfShape, EyeLike, Range.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

const Tensor& tensor_attribute(const Node& node, std::string_view name) {
  const Attribute* a = node.attribute(name);
  const Tensor* t = a == nullptr ? nullptr : std::get_if<Tensor>(&a->value);
  if (t == nullptr) throw InvalidNode("attribute '" + std::string(name) + "' is no tensor");
  if (t->dtype() == DType::kComplex64 || t->dtype() == DType::kComplex128)
    throw Unsupported("complex numbers");
  return *t;
}

// Values from -2 to 2 (unsigned: to 3), or short words.
Tensor draw_tensor(Rng& rng, DType t, const Dims& dims) {
  if (t == DType::kString) {
    std::vector<std::string> words(static_cast<std::size_t>(element_count(dims)));
    for (auto& w : words) w = rng.pick({"", "a", "B c", "w1"});
    return Tensor(dims, std::move(words));
  }
  std::vector<double> values(static_cast<std::size_t>(element_count(dims)));
  for (auto& v : values)
    v = is_float(t) ? rng.uniform(-2, 2)
        : is_unsigned_int(t) || t == DType::kBool
            ? static_cast<double>(rng.range(0, t == DType::kBool ? 1 : 3))
            : static_cast<double>(rng.range(-2, 2));
  return Tensor::of(t, dims, values);
}

// Mostly a type that many operators take.
DType draw_type(Rng& rng, DTypeSet types) {
  const DTypeSet usual = types & kAnyDType, rare = types.without(kAnyDType);
  return rng.pick((usual.empty() || (!rare.empty() && rng.chance(0.06)) ? rare : usual).list());
}

// --- Constant ---

Expected constant(const Inference& inf) {
  const Node& node = inf.node();
  static constexpr std::string_view forms[] = {"value",     "sparse_value", "value_float",  "value_floats",
                                               "value_int", "value_ints",   "value_string", "value_strings"};
  std::string_view form;
  for (std::string_view f : forms)
    if (node.has(f)) {
      if (!form.empty()) throw InvalidNode("Constant has more than one value");
      form = f;
    }
  if (form == "sparse_value") throw Unsupported("a sparse constant");
  if (form == "value") return exact(tensor_attribute(node, form));
  if (form == "value_float") return exact(Tensor::scalar(DType::kFloat, node.float_or(form, 0)));
  if (form == "value_int") return exact(Tensor::of_ints(DType::kInt64, {}, {node.int_or(form, 0)}));
  if (form == "value_string") return exact(Tensor({}, std::vector<std::string>{node.string_or(form, "")}));
  if (form == "value_ints") return exact(Tensor::ints(node.ints_or(form, {})));
  if (form == "value_floats") {
    const auto values = node.floats_or(form, {});
    return exact(Tensor::of(DType::kFloat, {static_cast<std::int64_t>(values.size())}, values));
  }
  if (form == "value_strings") {
    const auto* values = std::get_if<std::vector<std::string>>(&node.attribute(form)->value);
    if (values == nullptr) throw InvalidNode("attribute 'value_strings' holds no strings");
    return exact(Tensor(Dims{static_cast<std::int64_t>(values->size())}, *values));
  }
  throw InvalidNode("Constant without a value");
}

void infer_constant(Inference& inf) {
  inf.set_output(0, constant(inf).type);
}
void evaluate_constant(Evaluation& ev) {
  ev.output().data = constant(ev).data;
}

bool draft_constant(Draft& d) {
  Rng& rng = d.rng();
  Dims dims;
  for (std::int64_t rank = rng.range(0, 3); rank-- > 0;) dims.push_back(d.size());
  const DTypeSet types = drawable(d, "T", kMovable);
  if (types.empty()) return false;
  if (!d.schema().has_attribute("value_int") || rng.chance(0.6)) {
    d.attribute("value", draw_tensor(rng, draw_type(rng, types), dims));
    return true;
  }
  std::vector<float> floats(static_cast<std::size_t>(d.size()));
  for (auto& f : floats) f = static_cast<float>(rng.uniform(-2, 2));
  std::vector<std::int64_t> ints(floats.size());
  for (auto& i : ints) i = rng.range(-2, 3);
  switch (rng.weighted(std::vector<double>{4, 4, 4, 4, 1, 1})) {
    case 0:
      d.attribute("value_float", static_cast<float>(rng.uniform(-2, 2)));
      break;
    case 1:
      d.attribute("value_floats", floats);
      break;
    case 2:
      d.attribute("value_int", rng.range(-2, 3));
      break;
    case 4:
      d.attribute("value_string", std::string(rng.pick({"", "a"})));
      break;
    case 5:
      d.attribute("value_strings", std::vector<std::string>(floats.size(), "a"));
      break;
    default:
      d.attribute("value_ints", ints);
  }
  return true;
}

// --- ConstantOfShape ---

Expected shape_value(const Inference& inf) {
  if (!inf.node().has("value")) return exact(Tensor::scalar(DType::kFloat, 0));
  const Tensor& value = tensor_attribute(inf.node(), "value");
  if (value.count() != 1) throw InvalidNode("the value is not one element");
  return exact(value);
}

void infer_of_shape(Inference& inf) {
  const Dims dims = vector_input(inf, 0);
  for (std::int64_t n : dims)
    if (n < 0) throw InvalidNode("a negative size in the shape");
  inf.set_output(0, {shape_value(inf).type.dtype, dims});
}
void evaluate_of_shape(Evaluation& ev) {
  const Expected value = shape_value(ev);
  for (std::size_t i = 0; i < ev.output().count(); ++i) copy_element(value, 0, ev.output(), i);
}

bool draft_of_shape(Draft& d) {
  Dims dims;
  for (std::int64_t rank = d.rng().range(0, 4); rank-- > 0;) dims.push_back(d.size());
  const DTypeSet types = drawable(d, "T2", kMovable);
  if (types.empty()) return false;
  d.input(Tensor::ints(dims));
  if (!drawable(d, "T2").has(DType::kFloat) || d.rng().chance(0.8))
    d.attribute("value", draw_tensor(d.rng(), draw_type(d.rng(), types), {1}));
  return true;
}

// --- EyeLike ---

void infer_eye(Inference& inf) {
  if (inf.rank(0) != 2) throw InvalidNode("EyeLike takes a matrix");
  const std::int64_t given = inf.node().int_or("dtype", static_cast<std::int64_t>(inf.type(0).dtype));
  const auto t = given > 0 && given < kDTypeCount ? static_cast<DType>(given) : DType::kUndefined;
  if (!kAnyDType.has(t)) throw InvalidNode("EyeLike has no element type " + std::to_string(given));
  inf.set_output(0, {t, inf.dims(0)});
}

void evaluate_eye(Evaluation& ev) {
  const std::int64_t k = ev.node().int_or("k", 0), rows = ev.dims(0)[0], columns = ev.dims(0)[1];
  if (k >= columns || k <= -rows) return;
  Expected one = exact(Tensor::scalar(ev.output().type.dtype, 1));
  for (std::int64_t i = std::max<std::int64_t>(0, -k); i < rows && i + k < columns; ++i)
    copy_element(one, 0, ev.output(), static_cast<std::size_t>(i * columns + i + k));
}

bool draft_eye(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T1"), .dims = Dims{kAny, kAny}});
  const auto types = drawable(d, "T2").list();
  if (types.empty()) return false;
  if (!drawable(d, "T2").has(x.dtype) || d.rng().chance(0.6))
    d.attribute("dtype", static_cast<std::int64_t>(d.rng().pick(types)));
  if (d.rng().chance(0.6)) d.attribute("k", d.rng().range(-3, 3));
  return true;
}

// --- Range ---

// How many numbers there are. Kernels find it by a division in floating point: near a whole number it is
// undecided, unless every step of that is exact.
std::int64_t range_count(const Inference& inf) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (inf.type(i).count() != 1) throw InvalidNode("a parameter of Range is no scalar");
    if (inf.type(i).dtype != inf.type(0).dtype) throw InvalidNode("the parameters of Range differ in type");
  }
  if (inf.input(0).holds_ints()) {
    const std::int64_t start = inf.ints(0)[0], limit = inf.ints(1)[0], delta = inf.ints(2)[0];
    if (delta == 0) throw InvalidNode("Range with a delta of 0");
    const auto way = static_cast<__int128>(limit) - start;
    if ((way > 0) != (delta > 0) || way == 0) return 0;
    const auto n = (delta > 0 ? way + delta - 1 : way + delta + 1) / delta;
    if (n > std::numeric_limits<std::int64_t>::max()) throw InvalidNode("Range is too long");
    return static_cast<std::int64_t>(n);
  }
  using A = Approx<long double>;
  const DType t = inf.type(0).dtype;
  const auto value = [&](std::size_t i) {
    const Expected& x = inf.input(i);
    if (const auto* l = std::get_if<Reals<long double>>(&x.data)) return (*l)[0];
    return A{x.value_at(0), x.bound_at(0)};
  };
  const A start = value(0), limit = value(1), delta = value(2);
  if (delta.v == 0 && delta.e == 0) throw InvalidNode("Range with a delta of 0");
  if (!start.finite() || !limit.finite() || !delta.finite()) throw Unsupported("Range of infinities or NaN");
  const A way = limit - start;
  A q = way / delta;
  if (q.open()) throw Unsupported("the length of Range is undecided");
  const auto fits = [&](long double v) {
    return t == DType::kDouble
               ? static_cast<double>(v) == v
               : static_cast<double>(v) == v &&
                     decode_float(t, encode_float(t, static_cast<double>(v))) == static_cast<double>(v);
  };
  const bool exact_steps =
      q.e == 0 && fits(way.v) && q.v == std::floor(q.v) && q.v * delta.v == way.v && fits(q.v);
  if (!exact_steps) q.e += 3 * float_format(t).unit_roundoff * std::fabs(q.v);
  const long double low = std::ceil(q.low()), high = std::ceil(q.high());
  if (low != high && high > 0) throw Unsupported("the length of Range is undecided");
  if (q.v > 0x1p62L) throw InvalidNode("Range is too long");
  return static_cast<std::int64_t>(std::max(std::ceil(q.v), 0.0L));
}

void infer_range(Inference& inf) {
  inf.set_output(0, {inf.type(0).dtype, {range_count(inf)}});
}

void evaluate_range(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    const auto start = static_cast<std::uint64_t>(ev.input_ints(0).v[0]);
    const auto delta = static_cast<std::uint64_t>(ev.input_ints(2).v[0]);
    Ints& y = ev.out_ints();
    for (std::size_t i = 0; i < y.v.size(); ++i)
      y.v[i] = wrap(ev.output().type.dtype, static_cast<std::int64_t>(start + i * delta));
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto start = ev.reals<R>(0)[0], delta = ev.reals<R>(2)[0];
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      const R n = static_cast<R>(i);
      Approx<R> x = start + Approx<R>{n, 0} * delta;
      // Kernels add up: i roundings of partial sums, none of which is larger than one of the ends.
      const R largest = std::max(std::fabs(start.v) + start.e, std::fabs(x.v) + x.e);
      if (i > 0) x.e += rounding.gamma(n + 1) * largest + rounding.eta();
      y.set(i, x);
    }
  });
}

bool draft_range(Draft& d) {
  Rng& rng = d.rng();
  const auto types = drawable(d, "T").list();
  if (types.empty()) return false;
  const DType t = rng.pick(types);
  // Quarters: the length is decided.
  const double unit = is_float(t) ? 0.25 : 1;
  const auto start = static_cast<double>(rng.range(-8, 8));
  const auto delta = static_cast<double>(rng.range(1, 4) * (rng.chance(0.3) ? -1 : 1));
  double way = delta * static_cast<double>(rng.chance(0.05) ? 0 : d.size());
  if (std::fabs(delta) > 1 && way != 0 && rng.chance(0.4)) way -= delta > 0 ? 1 : -1;
  d.input(Tensor::scalar(t, start * unit));
  d.input(Tensor::scalar(t, (start + way) * unit));
  d.input(Tensor::scalar(t, delta * unit));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Constant", .draft = draft_constant, .infer = infer_constant, .evaluate = evaluate_constant},
    {.name = "ConstantOfShape",
     .since = 9,
     .draft = draft_of_shape,
     .infer = infer_of_shape,
     .evaluate = evaluate_of_shape},
    {.name = "EyeLike", .since = 9, .draft = draft_eye, .infer = infer_eye, .evaluate = evaluate_eye},
    {.name = "Range", .since = 11, .draft = draft_range, .infer = infer_range, .evaluate = evaluate_range},
};

}  // namespace

namespace family {
extern constinit const Family constant = specs;
}

}  // namespace mob::ops
