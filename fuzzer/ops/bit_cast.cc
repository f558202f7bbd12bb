// BitCast: the same bits read as another type.
#include <bit>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

void infer(Inference& inf) {
  const std::int64_t to = inf.node().int_or("to", 0);
  if (to <= 0 || to >= kDTypeCount) throw InvalidNode("BitCast to type " + std::to_string(to));
  const auto t = static_cast<DType>(to), from = inf.type(0).dtype;
  if (bits(t) == 0 || bits(t) != bits(from))
    throw InvalidNode("BitCast from " + std::string(name(from)) + " to " + std::string(name(t)));
  inf.set_output(0, {t, inf.dims(0)});
}

std::uint64_t pattern_of(DType t, long double v) {
  if (t == DType::kDouble) return std::bit_cast<std::uint64_t>(static_cast<double>(v));
  if (t == DType::kFloat) return std::bit_cast<std::uint32_t>(static_cast<float>(v));
  return encode_float(t, static_cast<double>(v));
}

double value_of(DType t, std::uint64_t pattern) {
  if (t == DType::kDouble) return std::bit_cast<double>(pattern);
  if (t == DType::kFloat) return std::bit_cast<float>(static_cast<std::uint32_t>(pattern));
  return decode_float(t, pattern);
}

void evaluate(Evaluation& ev) {
  const DType from = ev.type(0).dtype, to = ev.output().type.dtype;
  if (from == to) {
    copy_elements(ev.input(0), ev.output());
    return;
  }
  const bool reads_ints = ev.input(0).holds_ints(), writes_ints = ev.output().holds_ints();
  const int width = bits(to);
  const std::uint64_t mask = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  const Reals<long double>* x = reads_ints ? nullptr : &ev.reals<long double>(0);
  for (std::size_t i = 0; i < ev.output().count(); ++i) {
    std::uint64_t pattern = 0;
    bool open = false;
    if (reads_ints) {
      pattern = static_cast<std::uint64_t>(ev.input_ints(0).v[i]) & mask;
      open = ev.input_ints(0).bound(i) != 0;
    } else {
      pattern = pattern_of(from, x->v[i]);
      // The sign of a zero and the bits of a NaN are not what kernels agree upon.
      open = x->e[i] != 0 || x->v[i] == 0 || std::isnan(x->v[i]);
    }
    if (!writes_ints) {
      set_real(ev.output(), i, Approx<long double>{value_of(to, pattern), 0});
      if (open) set_open(ev.output(), i);
      continue;
    }
    if (to == DType::kBool && pattern > 1) {
      if (!open) ev.unspecified("a bool that is neither 0 nor 1");
      open = true;
    }
    ev.out_ints().v[i] = wrap(to, static_cast<std::int64_t>(pattern));
    if (open) set_open(ev.output(), i);
  }
}

// Integers whose bits are floats of moderate size.
ValueRange patterns(DType to) {
  switch (to) {
    case DType::kDouble:
      return {.low = 0x3fe0p48, .high = 0x4008p48};
    case DType::kFloat:
      return {.low = 0x3f00p16, .high = 0x4040p16};
    case DType::kFloat16:
      return {.low = 0x3800, .high = 0x4200};
    case DType::kBFloat16:
      return {.low = 0x3f00, .high = 0x4040};
    case DType::kBool:
      return {.low = 0, .high = 1};
    default:
      return {.away_from_zero = 0.25};
  }
}

bool draft(Draft& d) {
  const DTypeSet like = kMovable | kFloat8s;
  const auto targets = (d.types("T2") & like).list();
  if (targets.empty()) return false;
  const DType to = d.rng().pick(targets);
  DTypeSet same_width;
  for (DType t : drawable(d, "T1", like).list())
    if (bits(t) == bits(to)) same_width = same_width | t;
  d.input({.types = same_width, .range = patterns(to)});
  d.attribute("to", static_cast<std::int64_t>(to));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "BitCast", .since = 26, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family bit_cast = specs;
}

}  // namespace mob::ops
