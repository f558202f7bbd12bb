// Cast and CastLike: an explicit conversion is meaning, so the value is rounded to the target type.
#include <charconv>

#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

constexpr DTypeSet kCastable = kNumbers | kFloat8s | kSmallInts |
                               DTypeSet{DType::kBool, DType::kString, DType::kFloat4E2M1, DType::kFloat8E8M0};

// How a cast rounds beyond what the target type says.
struct Mode {
  DType to;
  bool saturate = true;      // float8
  std::string round = "up";  // float8e8m0

  explicit Mode(const Evaluation& ev)
      : to(ev.outputs()[0].dtype),
        saturate(ev.node().int_or("saturate", 1) != 0),
        round(ev.node().string_or("round_mode", "up")) {
    if (round != "up" && round != "down" && round != "nearest")
      throw InvalidNode("Cast has no round_mode '" + round + "'");
  }
};

// --- to floating point -----------------------------------------------------------------------------------

// Powers of two, without zero and sign.
double rounded_e8m0(double x, const Mode& mode) {
  if (!(x > 0)) return x == 0 && mode.saturate ? 0x1p-127 : std::nan("");
  if (std::isinf(x)) return mode.saturate ? 0x1p127 : std::nan("");
  int e = 0;
  const double m = std::frexp(x, &e);  // x = m 2^e, 0.5 <= m < 1
  const int up = m == 0.5 ? 0 : mode.round == "up" ? 1 : mode.round == "nearest" && m >= 0.75 ? 1 : 0;
  const int power = e - 1 + up;
  if (!mode.saturate && (power > 127 || power < -127)) return std::nan("");
  return std::ldexp(1.0, std::clamp(power, -127, 127));
}

template <class R>
R rounded_to(const Mode& mode, R x) {
  switch (mode.to) {
    case DType::kDouble:
      return static_cast<R>(static_cast<double>(x));
    case DType::kFloat:
      return static_cast<R>(static_cast<float>(x));
    case DType::kFloat8E8M0:
      return static_cast<R>(rounded_e8m0(static_cast<double>(x), mode));
    default:
      return static_cast<R>(
          decode_float(mode.to, encode_float(mode.to, static_cast<double>(x), mode.saturate)));
  }
}

// What ONNX leaves open, or null.
const char* undefined(DType to, double x) {
  if (std::isnan(x) && to == DType::kFloat4E2M1) return "NaN as float4e2m1";
  if (to == DType::kFloat8E8M0 && (std::signbit(x) || std::isinf(x)))
    return "a negative number or infinity as float8e8m0";
  return nullptr;
}

// Kernels reach a narrow type by way of float32: two roundings.
bool rounds_twice(DType from, DType to) {
  return to != DType::kFloat && to != DType::kDouble &&
         (from == DType::kDouble || (is_int(from) && bits(from) >= 32));
}

template <class Source>
void to_float(Evaluation& ev, const Mode& mode, Source source) {
  const bool twice = rounds_twice(ev.type(0).dtype, mode.to);
  const auto once = [&](auto v) { return rounded_to(mode, v); };
  const auto by_float = [&]<class S>(S v) { return rounded_to(mode, static_cast<S>(static_cast<float>(v))); };
  // ONNX Runtime drops such a Cast together with the Cast back that it put behind it for a kernel in float32.
  const bool skipped =
      ev.arithmetic().skipped_half_casts && mode.to == DType::kFloat16 && is_float(ev.type(0).dtype);
  const std::size_t n = ev.output().count();
  with_reals(mode.to, [&](auto zero) {
    using R = decltype(zero);
    auto& y = ev.out_reals<R>();
    for (std::size_t i = 0; i < n; ++i) {
      const auto x = source(i);
      auto z = monotone(x, once);
      if (twice) z = either(z, monotone(x, by_float));
      if (skipped) z = either(z, x);
      // Subnormal numbers may be flushed to zero.
      if (mode.to == DType::kFloat && z.finite() && std::fabs(z.v) < 0x1p-126)
        z.e = std::max(z.e, std::fabs(z.v));
      if (const char* why = undefined(mode.to, static_cast<double>(x.v))) {
        ev.unspecified(why);
        z = open_value(z.v);
      }
      y.set(i, {static_cast<R>(z.v), static_cast<R>(z.e)});
    }
  });
}

// --- to integers and bool --------------------------------------------------------------------------------

bool in_range(DType t, long double whole) {
  return whole >= static_cast<long double>(int_min(t)) &&
         (t == DType::kUint64 ? whole < 0x1p64L : whole <= static_cast<long double>(int_max(t)));
}

// Towards zero. Beyond the range, ONNX leaves it open.
template <class R>
void real_to_int(Evaluation& ev, DType t, std::size_t i, Approx<R> x) {
  Ints& y = ev.out_ints();
  const R v = std::trunc(x.v);
  if (std::isnan(v) || !in_range(t, v)) {
    y.set_bound(i, Ints::kOpen);
    if (!x.open()) ev.unspecified("a number beyond the range of the integer type");
    return;
  }
  y.v[i] = saturate(t, v);
  // Whether narrow integers are rounded or truncated differs between ONNX's own releases.
  const bool narrow = bits(t) < 8;
  const R low = narrow ? std::floor(x.low()) : std::trunc(x.low());
  const R high = narrow ? std::ceil(x.high()) : std::trunc(x.high());
  if (x.open() || !in_range(t, low) || !in_range(t, high)) {
    y.set_bound(i, Ints::kOpen);
    return;
  }
  const R e = std::max(high - v, v - low);
  y.set_bound(i, e < R(0x1p62) ? static_cast<std::int64_t>(e) : Ints::kOpen);
}

template <class R>
void real_to_bool(Evaluation& ev, std::size_t i, Approx<R> x) {
  ev.out_ints().v[i] = x.v != 0;
  if (x.open() || (x.e > 0 && x.may_be_zero())) ev.out_ints().set_bound(i, Ints::kOpen);
}

// The higher bits are discarded. 0 and 1 stay so: a bool in doubt is an integer off by 1.
void int_to_int(Evaluation& ev, DType to) {
  const DType from = ev.type(0).dtype;
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    Wide w = wide(x, i, from);
    if (to == DType::kBool) {
      y.v[i] = w.v != 0;
      if (w.open || (w.low != w.high && w.low <= 0 && w.high >= 0)) y.set_bound(i, Ints::kOpen);
      continue;
    }
    if (from == DType::kBool && w.open) w = {w.v, 0, 1, false};
    put(y, i, to, w);
  }
}

// --- strings -----------------------------------------------------------------------------------------------

// A number in plain or scientific notation, INF or NaN in any case; nothing otherwise.
std::optional<double> parsed(std::string_view text) {
  std::string word(text);
  if (!word.empty() && word[0] == '+') word.erase(0, 1);
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (word == "inf") return kInfinity<double>;
  if (word == "-inf") return -kInfinity<double>;
  if (word == "nan") return std::nan("");
  double x = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), x);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(x)) return std::nullopt;
  return x;
}

void from_strings(Evaluation& ev, const Mode& mode) {
  const auto& x = std::get<Strings>(ev.input(0).data);
  if (mode.to == DType::kBool) throw Unsupported("the truth of a string");
  const auto open = [&](std::size_t i) {
    set_open(ev.output(), i);
    ev.unspecified("a string that is no number of the type");
  };
  if (ev.output().holds_ints()) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::int64_t v = 0;
      const auto [end, error] = std::from_chars(x[i].data(), x[i].data() + x[i].size(), v);
      if (error == std::errc() && end == x[i].data() + x[i].size() &&
          in_range(mode.to, static_cast<long double>(v)))
        ev.out_ints().v[i] = v;
      else
        open(i);
    }
    return;
  }
  to_float(ev, mode, [&](std::size_t i) { return Approx<double>{parsed(x[i]).value_or(0), 0}; });
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!parsed(x[i])) open(i);
}

// Whole numbers, and the shortest plain form of fractions: what runtimes agree upon.
template <class T>
std::string shortest(T v) {
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, v, std::chars_format::fixed);
  const std::string s(text, error == std::errc() ? end : text);
  if (!std::isfinite(v) || s.find('.') == std::string::npos || s.size() > 20 || std::fabs(v) < T(1e-4))
    throw Unsupported("the text form of such a number is left open");
  return s;
}

void to_strings(Evaluation& ev) {
  const DType from = ev.type(0).dtype;
  auto& y = std::get<Strings>(ev.output().data);
  if (is_int(from)) {
    const Ints& x = ev.input_ints(0);
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (x.bound(i) != 0) throw Unsupported("a string depends on an undecided value");
      y[i] = from == DType::kUint64 ? std::to_string(static_cast<std::uint64_t>(x.v[i]))
                                    : std::to_string(x.v[i]);
    }
    return;
  }
  if (from != DType::kFloat && from != DType::kDouble)
    throw Unsupported("the text form of " + std::string(name(from)));
  const auto& x = ev.reals<long double>(0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (x.e[i] != 0) throw Unsupported("a string depends on a rounded value");
    y[i] =
        from == DType::kFloat ? shortest(static_cast<float>(x.v[i])) : shortest(static_cast<double>(x.v[i]));
  }
}

// --- all together ------------------------------------------------------------------------------------------

// From integers by way of long double, which holds them all.
template <class R>
void from_reals(Evaluation& ev, const Mode& mode) {
  const Reals<R>& x = ev.reals<R>(0);
  const bool from_bool = ev.type(0).dtype == DType::kBool;
  const auto element = [&](std::size_t i) { return from_bool && x.e[i] > 0 ? Approx<R>{x.v[i], 1} : x[i]; };
  if (is_float(mode.to)) {
    to_float(ev, mode, element);
    return;
  }
  for (std::size_t i = 0; i < ev.output().count(); ++i) {
    if (mode.to == DType::kBool)
      real_to_bool(ev, i, x[i]);
    else
      real_to_int(ev, mode.to, i, x[i]);
  }
}

void cast(Evaluation& ev) {
  const Mode mode(ev);
  const DType from = ev.type(0).dtype;
  if (from == mode.to)
    copy_elements(ev.input(0), ev.output());
  else if (from == DType::kString)
    from_strings(ev, mode);
  else if (mode.to == DType::kString)
    to_strings(ev);
  else if (ev.input(0).holds_ints() && !is_float(mode.to))
    int_to_int(ev, mode.to);
  else if (ev.input(0).holds_ints() || from == DType::kDouble)
    from_reals<long double>(ev, mode);
  else
    from_reals<double>(ev, mode);
}

void infer_to(Inference& inf, DType to) {
  if (!kCastable.has(inf.type(0).dtype) || !kCastable.has(to))
    throw Unsupported("Cast from " + std::string(name(inf.type(0).dtype)) + " to " + std::string(name(to)));
  inf.set_output(0, {to, inf.dims(0)});
}
void infer(Inference& inf) {
  const std::int64_t to = inf.node().int_or("to", 0);
  if (to <= 0 || to >= kDTypeCount) throw InvalidNode("Cast to type " + std::to_string(to));
  infer_to(inf, static_cast<DType>(to));
}
void infer_like(Inference& inf) {
  infer_to(inf, inf.type(1).dtype);
}

// --- drafting
// ------------------------------------------------------------------------------------------------

// The target type, and whether values beyond its range become its largest (float8).
struct Target {
  DType to;
  std::optional<std::int64_t> saturate = {};
};

std::optional<Target> draw_target(Draft& d) {
  Rng& rng = d.rng();
  const DTypeSet types = d.types("T2") & kCastable, rare = types.without(kAnyDType);
  if (types.empty()) return std::nullopt;
  Target target{rng.pick((!rare.empty() && rng.chance(0.3) ? rare : types.without(rare)).list())};
  // Runtimes refuse the attribute where it has no meaning.
  if ((kFloat8s | DTypeSet(DType::kFloat8E8M0)).has(target.to) && d.schema().has_attribute("saturate") &&
      rng.chance(0.5))
    target.saturate = rng.range(0, 1);
  return target;
}

// Where values of the target type lie, so that most of them can be held.
ValueRange castable_range(Rng& rng, const Target& target) {
  const DType to = target.to;
  if (bits(to) < 8 && is_int(to))
    return {
        .low = static_cast<double>(int_min(to)), .high = static_cast<double>(int_max(to)), .integral = true};
  if (to == DType::kFloat4E2M1) return {.low = -7, .high = 7};
  // ONNX Runtime goes wrong right above the range of these two.
  const bool beyond =
      target.saturate.value_or(1) != 0 || (to != DType::kFloat8E4M3FN && to != DType::kFloat8E5M2);
  if (kFloat8s.has(to) && beyond && rng.chance(0.4)) {
    const double most = float_format(to).max_finite * 1.5;
    return {.low = -most, .high = most};
  }
  const bool positive = is_unsigned_int(to) || to == DType::kFloat8E8M0;
  return {.low = positive ? 0.0 : -9.0,
          .high = 9,
          .away_from_zero = to == DType::kFloat8E8M0 ? 0.1 : 0,
          .integral = rng.chance(0.3)};
}

// Numbers as words, whole ones for integers.
Tensor draw_words(Draft& d, DType to) {
  Dims dims;
  for (std::int64_t rank = d.rng().range(0, 3); rank-- > 0;) dims.push_back(d.size());
  std::vector<std::string> words(static_cast<std::size_t>(element_count(dims)));
  for (auto& w : words)
    w = is_float(to) ? d.rng().pick({"0", "-1.5", "2.25e1", "7", "INF", "-inf", "NaN"})
                     : d.rng().pick({"0", "1", "7", "42"});
  return Tensor(dims, std::move(words));
}

void draft_source(Draft& d, const Target& target) {
  const DTypeSet sources = drawable(d, "T1", kCastable), text = sources & DTypeSet(DType::kString);
  if (!text.empty() && (sources == text || d.rng().chance(0.04)) && (kFloats | kInts).has(target.to)) {
    d.input(draw_words(d, target.to));
    return;
  }
  // The text form of fractions is not agreed upon.
  d.input({.types = target.to == DType::kString ? sources & kInts : sources.without(text),
           .range = castable_range(d.rng(), target)});
}

bool draft(Draft& d) {
  const auto target = draw_target(d);
  if (!target) return false;
  draft_source(d, *target);
  d.attribute("to", static_cast<std::int64_t>(target->to));
  if (target->saturate) d.attribute("saturate", *target->saturate);
  if (target->to == DType::kFloat8E8M0 && d.schema().has_attribute("round_mode") && d.rng().chance(0.6))
    d.attribute("round_mode", std::string(d.rng().pick({"up", "down", "nearest"})));
  return true;
}
// ONNX Runtime expands it and loses the round_mode.
bool draft_like(Draft& d) {
  const auto target = draw_target(d);
  if (!target) return false;
  draft_source(d, *target);
  d.input({.types = target->to, .max_rank = 2, .role = Role::kParameter});
  if (target->saturate) d.attribute("saturate", *target->saturate);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Cast", .since = 9, .draft = draft, .infer = infer, .evaluate = cast},
    {.name = "CastLike", .since = 15, .draft = draft_like, .infer = infer_like, .evaluate = cast},
};

}  // namespace

namespace family {
extern constinit const Family cast = specs;
}

}  // namespace mob::ops
