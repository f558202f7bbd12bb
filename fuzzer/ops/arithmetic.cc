// Add, Sub, Mul, Div: elementwise with broadcasting.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// ea + eb, open where that overflows.
std::int64_t sum_bound(std::int64_t, std::int64_t ea, std::int64_t, std::int64_t eb) {
  std::int64_t e = 0;
  return __builtin_add_overflow(ea, eb, &e) ? Ints::kOpen : e;
}

std::int64_t product_bound(std::int64_t a, std::int64_t ea, std::int64_t b, std::int64_t eb) {
  const long double e = std::fabs(static_cast<long double>(a)) * eb +
                        std::fabs(static_cast<long double>(b)) * ea + static_cast<long double>(ea) * eb;
  return e < 0x1p62L ? static_cast<std::int64_t>(e) : Ints::kOpen;
}

std::int64_t wrapping(std::int64_t a, std::int64_t b, auto op) {
  return static_cast<std::int64_t>(op(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
}

void add(Evaluation& ev) {
  if (ev.output().holds_ints())
    zip_ints(
        ev, [](auto a, auto b) { return wrapping(a, b, std::plus<>()); }, sum_bound);
  else
    zip_reals(ev, [](auto a, auto b) { return a + b; });
}

void sub(Evaluation& ev) {
  if (ev.output().holds_ints())
    zip_ints(
        ev, [](auto a, auto b) { return wrapping(a, b, std::minus<>()); }, sum_bound);
  else
    zip_reals(ev, [](auto a, auto b) { return a - b; });
}

void mul(Evaluation& ev) {
  if (ev.output().holds_ints())
    zip_ints(
        ev, [](auto a, auto b) { return wrapping(a, b, std::multiplies<>()); }, product_bound);
  else
    zip_reals(ev, [](auto a, auto b) { return a * b; });
}

// Integer division truncates; by zero the ONNX spec leaves it open (and old runtimes die of it).
void div(Evaluation& ev) {
  if (!ev.output().holds_ints()) {
    zip_reals(ev, [](auto a, auto b) { return a / b; });
    return;
  }
  const bool is_unsigned = is_unsigned_int(ev.output().type.dtype);
  zip_ints(
      ev,
      [&](std::int64_t a, std::int64_t b) {
        if (b == 0) return std::int64_t{0};
        if (is_unsigned)
          return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) / static_cast<std::uint64_t>(b));
        return b == -1 ? wrapping(0, a, std::minus<>()) : a / b;
      },
      kOpenBound);
  open_divisions_by_zero(ev);
}

bool draft_plain(Draft& d) {
  return draft_binary(d);
}
bool draft_div(Draft& d) {
  return draft_binary(d, {}, {.low = -3, .high = 3, .away_from_zero = 0.5});
}

// From opset 7 on: before, broadcasting was an attribute.
constexpr OpSpec specs[] = {
    {.name = "Add", .since = 7, .draft = draft_plain, .infer = infer_broadcast, .evaluate = add},
    {.name = "Sub", .since = 7, .draft = draft_plain, .infer = infer_broadcast, .evaluate = sub},
    {.name = "Mul", .since = 7, .draft = draft_plain, .infer = infer_broadcast, .evaluate = mul},
    {.name = "Div", .since = 7, .draft = draft_div, .infer = infer_broadcast, .evaluate = div},
};

}  // namespace

namespace family {
extern constinit const Family arithmetic = specs;
}

}  // namespace mob::ops
