// BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot, BitShift.
#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

template <auto f>
void bitwise(Evaluation& ev) {
  zip_ints(ev, f, kOpenBound);
}

void bitwise_not(Evaluation& ev) {
  map_ints(ev, [](std::int64_t x) { return ~x; });
}

// In C a shift by the width or more is undefined; ONNX says nothing.
void bit_shift(Evaluation& ev) {
  const std::string direction = ev.node().string_or("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    throw InvalidNode("BitShift has no direction '" + direction + "'");
  const int width = bits(ev.output().type.dtype);
  const auto too_far = [width](std::int64_t by) {
    return static_cast<std::uint64_t>(by) >= static_cast<std::uint64_t>(width);
  };
  zip_ints(
      ev,
      [&](std::int64_t x, std::int64_t by) {
        if (too_far(by)) return std::int64_t{0};
        const auto u = static_cast<std::uint64_t>(x);
        return static_cast<std::int64_t>(direction == "LEFT" ? u << by : u >> by);
      },
      kOpenBound);
  const Ints& by = ev.input_ints(1);
  const auto map = broadcast_map(ev.dims(1), ev.output().type.dims);
  Ints& y = ev.out_ints();
  for (std::size_t i = 0; i < y.v.size(); ++i)
    if (too_far(by.v[at(map, i)])) {
      y.set_bound(i, Ints::kOpen);
      ev.unspecified("a shift by the width of the type or more");
    }
}

void infer_bits(Inference& inf) {
  infer_broadcast_of(inf, kInts);
}
void infer_shift(Inference& inf) {
  infer_broadcast_of(inf, {DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64});
}

constexpr ValueRange kBits = {.low = -100, .high = 120, .integral = true};

bool draft_binary_bits(Draft& d) {
  return draft_binary(d, kBits, kBits, kInts);
}
bool draft_unary_bits(Draft& d) {
  return draft_unary(d, kBits, kInts);
}
bool draft_shift(Draft& d) {
  d.attribute("direction", std::string(d.rng().pick({"LEFT", "RIGHT"})));
  return draft_binary(d, {.low = 0, .high = 200, .integral = true}, {.low = 0, .high = 7, .integral = true},
                      kInts);
}

constexpr OpSpec specs[] = {
    {.name = "BitwiseAnd",
     .since = 18,
     .draft = draft_binary_bits,
     .infer = infer_bits,
     .evaluate = bitwise<[](std::int64_t a, std::int64_t b) { return a & b; }>},
    {.name = "BitwiseOr",
     .since = 18,
     .draft = draft_binary_bits,
     .infer = infer_bits,
     .evaluate = bitwise<[](std::int64_t a, std::int64_t b) { return a | b; }>},
    {.name = "BitwiseXor",
     .since = 18,
     .draft = draft_binary_bits,
     .infer = infer_bits,
     .evaluate = bitwise<[](std::int64_t a, std::int64_t b) { return a ^ b; }>},
    {.name = "BitwiseNot",
     .since = 18,
     .draft = draft_unary_bits,
     .infer = infer_integer,
     .evaluate = bitwise_not},
    {.name = "BitShift", .since = 11, .draft = draft_shift, .infer = infer_shift, .evaluate = bit_shift},
};

}  // namespace

namespace family {
extern constinit const Family bitwise = specs;
}

}  // namespace mob::ops
