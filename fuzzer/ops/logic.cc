// Comparisons, And, Or, Xor, Not, IsNaN, IsInf, Where, Identity.
#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

constexpr DTypeSet kOrdered = kNumbers;
constexpr DTypeSet kComparable = kNumbers | DTypeSet{DType::kBool, DType::kString};

void put_truth(Ints& y, std::size_t i, Truth t, bool guess) {
  y.v[i] = t == Truth::kMaybe ? guess : t == Truth::kYes;
  if (t == Truth::kMaybe) y.set_bound(i, Ints::kOpen);
}

// --- comparisons -------------------------------------------------------------------------------------------

// decide(a, b) for every pair; `guess` compares plain values.
template <class Decide, class Guess>
void compare(Evaluation& ev, Decide decide, Guess guess) {
  const DType t = ev.type(0).dtype;
  const Dims& dims = ev.output().type.dims;
  const auto ma = broadcast_map(ev.dims(0), dims), mb = broadcast_map(ev.dims(1), dims);
  Ints& y = ev.out_ints();
  if (ev.input(0).holds_ints()) {
    const Ints &a = ev.input_ints(0), &b = ev.input_ints(1);
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      const Wide x = wide(a, at(ma, i), t), z = wide(b, at(mb, i), t);
      put_truth(y, i, decide(x, z), guess(x.v, z.v));
    }
  } else if (t == DType::kString) {
    const auto &a = std::get<Strings>(ev.input(0).data), &b = std::get<Strings>(ev.input(1).data);
    for (std::size_t i = 0; i < y.v.size(); ++i) y.v[i] = a[at(ma, i)] == b[at(mb, i)];
  } else {
    with_reals(t, [&](auto zero) {
      using R = decltype(zero);
      const auto &a = ev.reals<R>(0), &b = ev.reals<R>(1);
      for (std::size_t i = 0; i < y.v.size(); ++i) {
        const Approx<R> x = a[at(ma, i)], z = b[at(mb, i)];
        put_truth(y, i, decide(x, z), guess(x.v, z.v));
      }
    });
  }
}

void evaluate_less(Evaluation& ev) {
  compare(
      ev, [](const auto& a, const auto& b) { return less(a, b); }, std::less<>());
}
void evaluate_greater(Evaluation& ev) {
  compare(
      ev, [](const auto& a, const auto& b) { return less(b, a); }, std::greater<>());
}
void evaluate_less_or_equal(Evaluation& ev) {
  compare(
      ev, [](const auto& a, const auto& b) { return less_or_equal(a, b); }, std::less_equal<>());
}
void evaluate_greater_or_equal(Evaluation& ev) {
  compare(
      ev, [](const auto& a, const auto& b) { return less_or_equal(b, a); }, std::greater_equal<>());
}
void evaluate_equal(Evaluation& ev) {
  compare(
      ev, [](const auto& a, const auto& b) { return equal(a, b); }, std::equal_to<>());
}

void infer_comparison(Inference& inf, DTypeSet types) {
  infer_broadcast_of(inf, types);
  inf.set_output(0, {DType::kBool, inf.outputs()[0].dims});
}
void infer_order(Inference& inf) {
  infer_comparison(inf, kOrdered);
}
void infer_equal(Inference& inf) {
  infer_comparison(inf, kComparable);
}

// --- bools -------------------------------------------------------------------------------------------------

Truth truth_at(const Ints& x, std::size_t i) {
  return x.bound(i) != 0 ? Truth::kMaybe : truth(x.v[i] != 0);
}
Truth negation(Truth a) {
  return a == Truth::kMaybe ? a : truth(a == Truth::kNo);
}
// What is decided by one side, whatever the other.
Truth conjunction(Truth a, Truth b) {
  if (a == Truth::kNo || b == Truth::kNo) return Truth::kNo;
  return a == Truth::kYes && b == Truth::kYes ? Truth::kYes : Truth::kMaybe;
}
Truth disjunction(Truth a, Truth b) {
  return negation(conjunction(negation(a), negation(b)));
}
Truth difference(Truth a, Truth b) {
  return a == Truth::kMaybe || b == Truth::kMaybe ? Truth::kMaybe : truth(a != b);
}

template <Truth (*connect)(Truth, Truth)>
void connective(Evaluation& ev) {
  const Ints &a = ev.input_ints(0), &b = ev.input_ints(1);
  const Dims& dims = ev.output().type.dims;
  const auto ma = broadcast_map(ev.dims(0), dims), mb = broadcast_map(ev.dims(1), dims);
  Ints& y = ev.out_ints();
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    const std::size_t ia = at(ma, i), ib = at(mb, i);
    put_truth(y, i, connect(truth_at(a, ia), truth_at(b, ib)),
              connect(truth(a.v[ia] != 0), truth(b.v[ib] != 0)) == Truth::kYes);
  }
}

void evaluate_not(Evaluation& ev) {
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  for (std::size_t i = 0; i < y.v.size(); ++i) put_truth(y, i, negation(truth_at(x, i)), x.v[i] == 0);
}

void infer_connective(Inference& inf) {
  infer_broadcast_of(inf, DType::kBool);
}
void infer_not(Inference& inf) {
  expect(inf, 0, DType::kBool);
  infer_same_as_input(inf);
}

// A finite bound means a finite value: what may overflow is open.
template <class Test>
void classify(Evaluation& ev, Test test) {
  with_reals(ev.type(0).dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    Ints& y = ev.out_ints();
    for (std::size_t i = 0; i < y.v.size(); ++i)
      put_truth(y, i, x[i].open() ? Truth::kMaybe : truth(test(x[i].v)), test(x[i].v));
  });
}

void is_nan(Evaluation& ev) {
  classify(ev, [](auto v) { return std::isnan(v); });
}

void is_inf(Evaluation& ev) {
  const bool negative = ev.node().int_or("detect_negative", 1) != 0;
  const bool positive = ev.node().int_or("detect_positive", 1) != 0;
  classify(ev, [=](auto v) { return std::isinf(v) && (v < 0 ? negative : positive); });
}

void infer_classify(Inference& inf) {
  expect(inf, 0, kFloats | kFloat8s);
  inf.set_output(0, {DType::kBool, inf.dims(0)});
}

// --- Where, Identity ---------------------------------------------------------------------------------------

void where(Evaluation& ev) {
  const Dims& dims = ev.output().type.dims;
  const Ints& condition = ev.input_ints(0);
  const auto mc = broadcast_map(ev.dims(0), dims), mx = broadcast_map(ev.dims(1), dims),
             my = broadcast_map(ev.dims(2), dims);
  std::visit(
      [&](auto& out) {
        using D = std::decay_t<decltype(out)>;
        const D &x = std::get<D>(ev.input(1).data), &y = std::get<D>(ev.input(2).data);
        for (std::size_t i = 0; i < ev.output().count(); ++i) {
          const std::size_t ic = at(mc, i), ix = at(mx, i), iy = at(my, i);
          const bool yes = condition.v[ic] != 0, sure = condition.bound(ic) == 0;
          if constexpr (std::is_same_v<D, Strings>) {
            if (!sure && x[ix] != y[iy]) throw Unsupported("a string depends on an undecided value");
            out[i] = yes ? x[ix] : y[iy];
          } else if constexpr (std::is_same_v<D, Ints>) {
            const DType t = ev.output().type.dtype;
            Wide w = wide(yes ? x : y, yes ? ix : iy, t);
            if (!sure) {
              const Wide other = wide(yes ? y : x, yes ? iy : ix, t);
              w.low = std::min(w.low, other.low);
              w.high = std::max(w.high, other.high);
              w.open = w.open || other.open;
            }
            put(out, i, t, w);
          } else {
            out.set(i, sure ? (yes ? x[ix] : y[iy]) : yes ? either(x[ix], y[iy]) : either(y[iy], x[ix]));
          }
        }
      },
      ev.output().data);
}

void infer_where(Inference& inf) {
  expect(inf, 0, DType::kBool);
  if (inf.type(1).dtype != inf.type(2).dtype) throw InvalidNode("the branches of Where differ in type");
  inf.set_output(0, {inf.type(1).dtype, broadcast(broadcast(inf.dims(0), inf.dims(1)), inf.dims(2))});
}

void infer_identity(Inference& inf) {
  if (!inf.input(0).elements) infer_same_as_input(inf);
}
void identity(Evaluation& ev) {
  if (ev.input(0).elements)
    ev.output() = ev.input(0);
  else
    copy_elements(ev.input(0), ev.output());
}

// --- drafting
// ------------------------------------------------------------------------------------------------

// Whole numbers close together, so that they meet now and then.
bool draft_comparison(Draft& d) {
  const ValueRange close = {.low = -2, .high = 2, .integral = d.rng().chance(0.6)};
  return draft_binary(d, close, close);
}
bool draft_equal(Draft& d) {
  const ValueRange close = {.low = -2, .high = 2, .integral = d.rng().chance(0.6)};
  return draft_binary(d, close, close, kComparable);
}
bool draft_bools(Draft& d) {
  return draft_binary(d, {.low = 0, .high = 1}, {.low = 0, .high = 1});
}
bool draft_bool(Draft& d) {
  return draft_unary(d, {.low = 0, .high = 1});
}
bool draft_classify(Draft& d) {
  if (d.schema().has_attribute("detect_negative")) {
    if (d.rng().chance(0.4)) d.attribute("detect_negative", d.rng().range(0, 1));
    if (d.rng().chance(0.4)) d.attribute("detect_positive", d.rng().range(0, 1));
  }
  return draft_unary(d, {}, kFloats);
}
bool draft_where(Draft& d) {
  const ArrayType x = d.input({.types = DType::kBool, .range = {.low = 0, .high = 1}});
  const auto fitting = [&] { return d.rng().chance(0.6) ? x.dims : smaller_broadcast(d.rng(), x.dims); };
  const ArrayType a = d.input({.types = drawable(d, "T", kMovable), .dims = fitting()});
  d.input({.types = a.dtype, .dims = fitting()});
  return true;
}
bool draft_identity(Draft& d) {
  return draft_unary(d, {}, kMovable);
}

constexpr OpSpec specs[] = {
    {.name = "Equal", .since = 7, .draft = draft_equal, .infer = infer_equal, .evaluate = evaluate_equal},
    {.name = "Greater",
     .since = 7,
     .draft = draft_comparison,
     .infer = infer_order,
     .evaluate = evaluate_greater},
    {.name = "Less", .since = 7, .draft = draft_comparison, .infer = infer_order, .evaluate = evaluate_less},
    {.name = "GreaterOrEqual",
     .since = 12,
     .draft = draft_comparison,
     .infer = infer_order,
     .evaluate = evaluate_greater_or_equal},
    {.name = "LessOrEqual",
     .since = 12,
     .draft = draft_comparison,
     .infer = infer_order,
     .evaluate = evaluate_less_or_equal},
    {.name = "And",
     .since = 7,
     .draft = draft_bools,
     .infer = infer_connective,
     .evaluate = connective<conjunction>},
    {.name = "Or",
     .since = 7,
     .draft = draft_bools,
     .infer = infer_connective,
     .evaluate = connective<disjunction>},
    {.name = "Xor",
     .since = 7,
     .draft = draft_bools,
     .infer = infer_connective,
     .evaluate = connective<difference>},
    {.name = "Not", .since = 1, .draft = draft_bool, .infer = infer_not, .evaluate = evaluate_not},
    {.name = "IsNaN", .since = 9, .draft = draft_classify, .infer = infer_classify, .evaluate = is_nan},
    {.name = "IsInf", .since = 10, .draft = draft_classify, .infer = infer_classify, .evaluate = is_inf},
    {.name = "Where", .since = 9, .draft = draft_where, .infer = infer_where, .evaluate = where},
    {.name = "Identity", .since = 1, .draft = draft_identity, .infer = infer_identity, .evaluate = identity},
};

}  // namespace

namespace family {
extern constinit const Family logic = specs;
}

}  // namespace mob::ops
