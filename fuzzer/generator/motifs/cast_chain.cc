// Casts in a row, to the same type, around float16 operators.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kCastTypes = {DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64,
                                 DType::kInt8,   DType::kUint8,   DType::kInt16, DType::kUint16,
                                 DType::kUint32, DType::kUint64,  DType::kBool};

// Values that every type in use holds as a number, fractions aside.
ValueRange plain_values(DType t) {
  return {.low = 0, .high = t == DType::kBool ? 1.0 : 6.0, .away_from_zero = is_float(t) ? 0.1 : 0};
}

constexpr Guard kSame[] = {
    {"same-type", "the Cast is to the type that the value has"},
    {"inner", "it stands between nodes"},
};

void cast_same(MotifBuilder& m) {
  const DType t = m.dtype(kCastTypes, "Cast");
  const bool inner = m.holds("inner");
  ValueId x = m.data(t, m.draw_dims(m.rng().range(0, 3)), plain_values(t));
  if (inner) x = neighbour(m, x);
  const bool same = m.holds("same-type");
  const ValueId y =
      m.cast(x, same ? t : m.rng().pick((kCastTypes | DTypeSet{DType::kFloat}).without(t).list()));
  finish_with(m, y, inner ? 1 : 0.2);
}

constexpr Guard kChain[] = {
    {"lossless", "the types between hold every value of the first"},
    {"back", "the last type is the first one"},
    {"two", "there are two Casts"},
    {"one-branch", "one Cast reads the first"},
    {"small-values", "the values are small"},
    {"inner", "the chain stands between nodes"},
};

DTypeSet wider(DType t) {
  switch (t) {
    case DType::kFloat:
      return {DType::kDouble};
    case DType::kFloat16:
      return {DType::kFloat, DType::kDouble};
    case DType::kInt32:
      return {DType::kInt64, DType::kDouble};
    case DType::kInt8:
      return {DType::kInt16, DType::kInt32, DType::kInt64, DType::kFloat, DType::kFloat16, DType::kDouble};
    case DType::kUint8:
      return {DType::kInt16, DType::kInt32, DType::kInt64, DType::kFloat, DType::kFloat16, DType::kDouble};
    case DType::kInt16:
      return {DType::kInt32, DType::kInt64, DType::kFloat, DType::kDouble};
    case DType::kUint16:
      return {DType::kInt32, DType::kInt64, DType::kFloat, DType::kDouble};
    case DType::kUint32:
      return {DType::kInt64, DType::kDouble, DType::kUint64};
    case DType::kBool:
      return {DType::kFloat, DType::kInt32, DType::kInt64, DType::kUint8, DType::kDouble};
    default:
      return {};
  }
}

void cast_chain(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DTypeSet all = kCastTypes | DTypeSet{DType::kFloat};
  const bool lossless = m.holds("lossless");
  DType t = m.dtype(kCastTypes, "Cast");
  if (t == DType::kFloat && rng.chance(0.5)) t = rng.pick({DType::kFloat16, DType::kInt32, DType::kUint8});
  ValueRange range = plain_values(t);
  if (m.breaks("small-values")) {
    // Near what a narrower type between can hold, or past it.
    if (t == DType::kBool) throw CannotDraft{};
    const bool byte = t == DType::kInt8 || t == DType::kUint8;
    const double top = byte ? 127 : rng.pick({200.0, 3000.0, 60000.0, 1e5});
    if ((t == DType::kInt16 && top > 32767) || (t == DType::kFloat16 && top > 60000)) throw CannotDraft{};
    range = {.low = t == DType::kUint8 || !is_float(t) ? 0 : -top,
             .high = top,
             .away_from_zero = is_float(t) ? 0.3 : 0};
    if (t == DType::kUint16 && top > 65535) throw CannotDraft{};
  }
  const bool inner = m.holds("inner");
  ValueId x = m.data(t, m.draw_dims(rng.range(0, 3)), range);
  if (inner) x = neighbour(m, x);
  const std::int64_t casts = m.holds("two") ? 2 : rng.range(3, 4);
  const auto between = [&](DType from) {
    if (lossless) {
      const DTypeSet up = wider(from);
      return up.empty() ? from : rng.pick(up.list());
    }
    return rng.pick(all.without(from).list());
  };
  ValueId c = x;
  for (std::int64_t i = 1; i < casts; ++i) c = m.cast(c, between(m.type(c).dtype));
  const bool back = m.holds("back");
  const auto last = [&] {
    return m.cast(c, back ? t : rng.pick(all.without(m.type(c).dtype).without(t).list()));
  };
  finish_with(m, last(), inner ? 0.9 : 0.2);
  if (m.breaks("one-branch")) {
    finish_with(m, rng.chance(0.6) ? m.cast(c, rng.pick(all.list())) : neighbour(m, c), 0.7);
    if (rng.chance(0.3)) finish_with(m, m.cast(x, rng.pick(all.list())), 0.5);
  }
}

constexpr Guard kIsland[] = {
    {"no-casts", "there is no Cast between the float16 operators"},
    {"float16-out", "the result is float16"},
    {"one-path", "every operator reads the one before"},
};

// Operators of which some have float16 kernels on CPU and others do not: Casts are put in between.
void float16_island(MotifBuilder& m) {
  Rng& rng = m.rng();
  const Dims dims = m.draw_dims(rng.range(1, 3));
  ValueId x = m.data(DType::kFloat16, dims, {.low = -2, .high = 2});
  const ValueId first = x;
  if (rng.chance(0.3)) x = m.cast(m.data(DType::kFloat, dims), DType::kFloat16);
  const bool plain = m.holds("no-casts"), one_path = m.holds("one-path");
  const std::int64_t length = rng.range(2, 4);
  for (std::int64_t i = 0; i < length; ++i) {
    switch (rng.below(7)) {
      case 0:
        x = m.commutative("Add", x, m.weight(DType::kFloat16, {dims.back()}));
        break;
      case 1:
        x = m.commutative("Mul", x, m.scalar(DType::kFloat16, 0.5));
        break;
      case 2:
        x = m.op(rng.pick({"Relu", "Sigmoid", "Tanh", "Abs", "Neg"}), {x});
        break;
      case 3:
        x = m.op(rng.pick({"Max", "Min"}), {x, m.weight(DType::kFloat16, {})});
        break;
      case 4: {
        const std::int64_t n = m.dims(x).back();
        x = m.op("MatMul", {x, m.weight(DType::kFloat16, {n, n})});
        break;
      }
      case 5:
        x = m.softmax(x, -1);
        break;
      default: {
        const auto rank = m.dims(x).size();
        x = m.transpose(m.transpose(x, rng.permutation(rank)), rng.permutation(rank));
        if (m.dims(x) != dims) throw CannotDraft{};
        break;
      }
    }
    if (!plain && i + 1 < length && rng.chance(0.7)) {
      x = m.cast(x, rng.pick({DType::kFloat, DType::kFloat, DType::kDouble}));
      if (rng.chance(0.5)) x = m.op(rng.pick({"Relu", "Neg", "Abs"}), {x});
      x = m.cast(x, DType::kFloat16);
    }
  }
  if (!one_path)
    x = m.commutative("Add", x,
                      rng.chance(0.5) ? first : m.cast(m.data(DType::kFloat, dims), DType::kFloat16));
  if (m.breaks("float16-out")) x = m.cast(x, rng.pick({DType::kFloat, DType::kDouble}));
  m.result(x);
}

constexpr Motif motifs[] = {
    {.name = "cast-same", .aims_at = "CastElimination", .guards = kSame, .build = cast_same},
    {.name = "cast-chain",
     .aims_at = "CastElimination;RemoveDuplicateCastTransformer",
     .guards = kChain,
     .build = cast_chain},
    {.name = "float16-island",
     .aims_at = "CastFloat16Transformer;RemoveDuplicateCastTransformer",
     .guards = kIsland,
     .build = float16_island},
};

}  // namespace

namespace family {
extern const MotifFamily cast_chain;
const MotifFamily cast_chain = motifs;
}  // namespace family

}  // namespace mob::motifs
