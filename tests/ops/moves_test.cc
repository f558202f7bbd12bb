// Operators that move elements: what the node cases leave out - the extremes of parameters, undecided and
// unspecified elements, empty tensors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fuzzer/base/check.h"
#include "tests/ops/run_node.h"

namespace mob {
namespace {

using namespace mob::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kOpen = kInfinity<double>;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

using Ints64 = std::vector<std::int64_t>;

Expected int64s(Dims dims, const Ints64& v) {
  return exact(Tensor::of_ints(DType::kInt64, std::move(dims), v));
}
Expected int64s(const Ints64& v) {
  return exact(Tensor::ints(v));
}
// 0, 1, 2, ... as floats.
Expected counted(const Dims& dims) {
  std::vector<double> v(static_cast<std::size_t>(element_count(dims)));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(i);
  return floats(dims, v);
}

// --- shapes ---

TEST(Reshape, ZeroCopiesAndMinusOneFollows) {
  const NodeRun r = run_node("Reshape", 14, {counted({2, 3, 4}), int64s({0, -1})});
  EXPECT_EQ(r[0].type.dims, (Dims{2, 12}));
}

TEST(Reshape, ALiteralZeroNeedsAllowzero) {
  const Expected empty = floats({0, 3}, {});
  const Attributes allow = {{"allowzero", std::int64_t{1}}};
  EXPECT_EQ(run_node("Reshape", 14, {empty, int64s({3, 0})}, allow)[0].type.dims, (Dims{3, 0}));
  EXPECT_THROW(run_node("Reshape", 14, {empty, int64s({0, -1})}), InvalidNode);
  EXPECT_THROW(run_node("Reshape", 14, {empty, int64s({0, -1})}, allow), InvalidNode);
  EXPECT_THROW(run_node("Reshape", 14, {counted({4}), int64s({-1, -1})}), InvalidNode);
}

TEST(Reshape, AnUndecidedShapeIsNoShape) {
  Expected shape = int64s({2, 2});
  shape.ints().set_bound(0, 1);
  EXPECT_THROW(run_node("Reshape", 14, {counted({4}), shape}), Unsupported);
}

TEST(Flatten, AScalarBecomesAMatrix) {
  EXPECT_EQ(run_node("Flatten", 13, {floats({}, {7})}, {{"axis", std::int64_t{0}}})[0].type.dims,
            (Dims{1, 1}));
  EXPECT_THROW(run_node("Flatten", 13, {floats({}, {7})}), InvalidNode);  // the default axis is 1
}

TEST(Squeeze, AnEmptyListOfAxesIsReadInTwoWays) {
  EXPECT_THROW(run_node("Squeeze", 13, {counted({1, 2}), int64s(Ints64{})}), Unsupported);
  EXPECT_EQ(run_node("Squeeze", 13, {counted({3, 2}), int64s(Ints64{})})[0].type.dims, (Dims{3, 2}));
  EXPECT_THROW(run_node("Squeeze", 13, {counted({1, 2}), int64s({0, -2})}), InvalidNode);
}

TEST(Shape, StartAndEndAreClamped) {
  const auto shape = [](std::int64_t start, std::int64_t end) {
    return values(run_node("Shape", 15, {counted({2, 3, 4})}, {{"start", start}, {"end", end}})[0]);
  };
  EXPECT_THAT(shape(-2, 9), ElementsAre(3, 4));
  EXPECT_THAT(shape(kLeast, -1), ElementsAre(2, 3));
  EXPECT_THAT(shape(2, 1), IsEmpty());
}

TEST(Transpose, MovesNarrowTypes) {
  for (DType t : {DType::kInt2, DType::kInt4, DType::kFloat8E4M3FN, DType::kFloat4E2M1}) {
    const auto r = run_node("Transpose", 25, {numbers(t, {2, 2}, {1, 0, -1, 1})});
    EXPECT_THAT(values(r[0]), ElementsAre(1, -1, 0, 1)) << name(t);
    EXPECT_EQ(r[0].type.dtype, t);
  }
}

TEST(Split, TheLastPartOfAnUnevenSplitIsSmaller) {
  const NodeRun r = run_node("Split", 18, {counted({5})}, {{"num_outputs", std::int64_t{3}}}, 3);
  EXPECT_THAT(values(r[0]), ElementsAre(0, 1));
  EXPECT_THAT(values(r[2]), ElementsAre(4));
  EXPECT_THROW(run_node("Split", 13, {counted({5})}, {}, 3), InvalidNode);
  EXPECT_THROW(run_node("Split", 18, {counted({5})}, {}, 1), InvalidNode);
  EXPECT_THROW(run_node("Split", 18, {counted({5})}, {{"num_outputs", std::int64_t{4}}}, 3), InvalidNode);
}

TEST(Expand, DoesNotCutDown) {
  EXPECT_EQ(run_node("Expand", 13, {counted({3, 1}), int64s({1, 4})})[0].type.dims, (Dims{3, 4}));
  EXPECT_EQ(run_node("Expand", 13, {counted({1}), int64s({0})})[0].type.dims, (Dims{0}));
  EXPECT_THROW(run_node("Expand", 13, {counted({3}), int64s({2})}), InvalidNode);
}

// --- Slice ---

std::vector<double> slice(std::int64_t n, std::int64_t start, std::int64_t end, std::int64_t step) {
  return values(
      run_node("Slice", 13, {counted({n}), int64s({start}), int64s({end}), int64s({0}), int64s({step})})[0]);
}

TEST(Slice, TakesTheExtremesOfInt64) {
  EXPECT_THAT(slice(4, 1, kMost, 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(slice(4, kMost, kLeast, -1), ElementsAre(3, 2, 1, 0));
  EXPECT_THAT(slice(4, kLeast, kMost, kMost), ElementsAre(0));
  EXPECT_THAT(slice(4, kMost, kLeast, kLeast), ElementsAre(3));
}

TEST(Slice, EndsAreExclusiveBothWays) {
  EXPECT_THAT(slice(5, -2, 0, -2), ElementsAre(3, 1));
  EXPECT_THAT(slice(5, 3, -1, -1), IsEmpty());  // -1 is the last element
  EXPECT_THAT(slice(0, 0, 1, 1), IsEmpty());
  EXPECT_THAT(slice(0, kMost, kLeast, -1), IsEmpty());
  EXPECT_THROW(slice(5, 0, 5, 0), InvalidNode);
}

TEST(Slice, BeforeOpset10TheParametersAreAttributes) {
  const NodeRun r = run_node("Slice", 9, {counted({2, 3})},
                             {{"starts", Ints64{-2}}, {"ends", Ints64{1000}}, {"axes", Ints64{1}}});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 2, 4, 5));
}

// --- Gather ---

TEST(Gather, AnUndecidedIndexOpensItsSlice) {
  Expected indices = int64s({1, 0});
  indices.ints().set_bound(0, 1);
  const NodeRun r = run_node("Gather", 13, {counted({2, 2}), indices});
  EXPECT_THAT(bounds(r[0]), ElementsAre(kOpen, kOpen, 0, 0));
  EXPECT_EQ(r.unspecified, 0u);
}

TEST(Gather, OutOfRangeIsInvalid) {
  EXPECT_THROW(run_node("Gather", 13, {counted({2}), int64s({2})}), InvalidNode);
  EXPECT_THROW(run_node("Gather", 13, {counted({2}), int64s({kLeast})}), InvalidNode);
  EXPECT_THROW(run_node("Gather", 13, {counted({0}), int64s({0})}), InvalidNode);
  EXPECT_THAT(values(run_node("Gather", 13, {counted({2}), int64s({}, {-1})})[0]), ElementsAre(1));
}

TEST(GatherND, CountsTheBatchAxesApart) {
  const NodeRun r =
      run_node("GatherND", 13, {counted({2, 3}), int64s({2, 1}, {-1, 0})}, {{"batch_dims", std::int64_t{1}}});
  EXPECT_THAT(values(r[0]), ElementsAre(2, 3));
}

// --- Scatter ---

TEST(ScatterElements, DuplicatesAreUnspecifiedUnlessTheyAgree) {
  const NodeRun r =
      run_node("ScatterElements", 13, {counted({4}), int64s({1, -3, 2, 2}), floats({4}, {5, 6, 7, 7})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, kOpen, 0, 0));
  EXPECT_EQ(r[0].value_at(2), 7);
  EXPECT_EQ(r.unspecified, 1u);
}

TEST(ScatterElements, SumsTakeAnyOrder) {
  const NodeRun r =
      run_node("ScatterElements", 16, {floats({2}, {1, 9}), int64s({0, 0}), floats({2}, {2, -4})},
               {{"reduction", std::string("add")}});
  EXPECT_EQ(r[0].value_at(0), -1);
  EXPECT_GE(r[0].bound_at(0), 2 * 7 * 0x1p-24);  // two additions, magnitudes 1 + 2 + 4
  EXPECT_LT(r[0].bound_at(0), 3 * 7 * 0x1p-24);
  EXPECT_EQ(r[0].bound_at(1), 0);
}

TEST(ScatterElements, MaxOfANaNIsOpen) {
  const NodeRun r =
      run_node("ScatterElements", 18, {floats({2}, {1, 9}), int64s({0}), floats({1}, {std::nan("")})},
               {{"reduction", std::string("max")}});
  EXPECT_THAT(bounds(r[0]), ElementsAre(kOpen, 0));
  EXPECT_EQ(r.unspecified, 1u);
}

TEST(ScatterElements, IntegersWrap) {
  const NodeRun r =
      run_node("ScatterElements", 16,
               {numbers(DType::kUint8, {1}, {200}), int64s({0}), numbers(DType::kUint8, {1}, {100})},
               {{"reduction", std::string("add")}});
  EXPECT_THAT(values(r[0]), ElementsAre(44));
}

TEST(ScatterND, AnUndecidedPlaceOpensEverything) {
  Expected place = int64s({1, 1}, {1});
  place.ints().set_bound(0, Ints::kOpen);
  const NodeRun r = run_node("ScatterND", 13, {counted({2}), place, floats({1}, {5})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(kOpen, kOpen));
}

TEST(Scatter, EndedWithOpset10) {
  const std::vector<Expected> in = {counted({2}), int64s({-1}), floats({1}, {5})};
  EXPECT_THAT(values(run_node("Scatter", 10, in)[0]), ElementsAre(0, 5));
  EXPECT_THROW(run_node("Scatter", 11, in), InvalidNode);
}

// --- Pad and its kin ---

NodeRun pad(const Expected& x, const Ints64& pads, const std::string& mode) {
  return run_node("Pad", 19, {x, int64s(pads)}, {{"mode", mode}});
}

TEST(Pad, ReflectsOnceAndNoFurther) {
  const NodeRun r = pad(floats({2}, {1, 2}), {2, 1}, "reflect");
  EXPECT_THAT(bounds(r[0]), ElementsAre(kOpen, 0, 0, 0, 0));
  EXPECT_EQ(r[0].value_at(1), 2);
  EXPECT_EQ(r[0].value_at(4), 1);
}

TEST(Pad, WrapsAsOftenAsNeeded) {
  EXPECT_THAT(values(pad(floats({2}, {1, 2}), {3, 2}, "wrap")[0]), ElementsAre(2, 1, 2, 1, 2, 1, 2));
  EXPECT_THROW(pad(floats({0}, {}), {1, 0}, "edge"), InvalidNode);
}

TEST(Pad, NegativePadsCut) {
  EXPECT_THAT(values(pad(counted({4}), {-1, 1}, "constant")[0]), ElementsAre(1, 2, 3, 0));
  EXPECT_THAT(values(pad(counted({4}), {-1, -1}, "edge")[0]), ElementsAre(1, 2));
  EXPECT_THROW(pad(counted({4}), {-5, 5}, "constant"), InvalidNode);
  // What reflects: what was there, or what is left? Here both agree on the first element only.
  EXPECT_THAT(bounds(pad(counted({3}), {-1, 2}, "reflect")[0]), ElementsAre(0, 0, 0, kOpen));
}

TEST(Pad, ThePaddingMayBeUncertain) {
  const NodeRun r = run_node("Pad", 13, {counted({1}), int64s({0, 1}), floats({}, {3}, {0.5})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0.5));
}

TEST(CenterCropPad, TheSmallerHalfStandsInFront) {
  EXPECT_THAT(values(run_node("CenterCropPad", 18, {counted({4}), int64s({3})})[0]), ElementsAre(0, 1, 2));
  EXPECT_THAT(values(run_node("CenterCropPad", 18, {floats({2}, {1, 2}), int64s({5})})[0]),
              ElementsAre(0, 1, 2, 0, 0));
}

TEST(Trilu, TheDiagonalMayLieFarOutside) {
  const auto trilu = [](std::int64_t k, std::int64_t upper) {
    return values(run_node("Trilu", 14, {floats({1, 2}, {5, 6}), int64s({}, {k})}, {{"upper", upper}})[0]);
  };
  EXPECT_THAT(trilu(kMost, 1), ElementsAre(0, 0));
  EXPECT_THAT(trilu(kMost, 0), ElementsAre(5, 6));
  EXPECT_THAT(trilu(kLeast, 1), ElementsAre(5, 6));
}

TEST(EyeLike, TheDiagonalMayLieFarOutside) {
  EXPECT_THAT(values(run_node("EyeLike", 9, {counted({1, 2})}, {{"k", kLeast}})[0]), ElementsAre(0, 0));
  EXPECT_THAT(values(run_node("EyeLike", 9, {counted({1, 2})}, {{"k", std::int64_t{1}}})[0]),
              ElementsAre(0, 1));
}

// --- shapes that depend on values ---

TEST(Range, TheLengthMustBeDecided) {
  const auto range = [](double start, double limit, double delta) {
    return run_node("Range", 11, {floats({}, {start}), floats({}, {limit}), floats({}, {delta})})[0];
  };
  EXPECT_THAT(values(range(1, 2.5, 0.5)), ElementsAre(1, 1.5, 2));
  EXPECT_THAT(values(range(1, 1, 0.5)), IsEmpty());
  EXPECT_THROW(range(0, 1, 0.1), Unsupported);  // 10 or 11 of 0.1 in float32
  EXPECT_EQ(range(0, 0.95, 0.1).count(), 10u);
  EXPECT_THROW(range(0, 1, 0), InvalidNode);
  EXPECT_THROW(range(0, kInfinity<double>, 1), Unsupported);
}

TEST(Range, IntegersReachTheEnds) {
  const NodeRun r =
      run_node("Range", 11, {int64s({}, {kMost - 1}), int64s({}, {kLeast}), int64s({}, {kLeast})});
  EXPECT_EQ(r[0].ints().v, (Ints64{kMost - 1, -2}));
}

TEST(NonZero, AnElementThatMayBeZeroHasNoPlace) {
  EXPECT_THROW(run_node("NonZero", 13, {floats({2}, {1, 0.1}, {0, 0.2})}), Unsupported);
  EXPECT_THAT(values(run_node("NonZero", 13, {floats({3}, {1, -0.0, std::nan("")}, {0.5})})[0]),
              ElementsAre(0, 2));
  EXPECT_EQ(run_node("NonZero", 13, {floats({}, {1})})[0].type.dims, (Dims{0, 1}));
}

TEST(Compress, TheConditionMayBeShort) {
  const Expected condition = numbers(DType::kBool, {2}, {0, 1});
  EXPECT_THAT(values(run_node("Compress", 11, {counted({2, 2}), condition})[0]), ElementsAre(1));
  EXPECT_THROW(run_node("Compress", 11, {counted({1}), condition}), InvalidNode);
}

TEST(Unique, OrderNeedsDecidedElements) {
  const NodeRun r = run_node("Unique", 11, {floats({4}, {3, 1, 3, 2})}, {{"sorted", std::int64_t{0}}}, 4);
  EXPECT_THAT(values(r[0]), ElementsAre(3, 1, 2));
  EXPECT_THAT(values(r[1]), ElementsAre(0, 1, 3));
  EXPECT_THAT(values(r[2]), ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(values(r[3]), ElementsAre(2, 1, 1));
  EXPECT_THROW(run_node("Unique", 11, {floats({2}, {1, 1.1}, {0.1, 0.1})}), Unsupported);
  EXPECT_THROW(run_node("Unique", 11, {floats({1}, {std::nan("")})}), Unsupported);
  EXPECT_THAT(values(run_node("Unique", 11, {floats({0}, {})})[0]), IsEmpty());
}

TEST(OneHot, IndicesBeyondTheRangeAreOff) {
  const auto one_hot = [](const Expected& indices) {
    return run_node("OneHot", 11, {indices, int64s({2}), floats({2}, {0, 1})});
  };
  EXPECT_THAT(values(one_hot(int64s({-1, 2, -3}))[0]), ElementsAre(0, 1, 0, 0, 0, 0));
  EXPECT_THAT(values(one_hot(floats({1}, {1.9}))[0]), ElementsAre(0, 1));
  EXPECT_THAT(bounds(one_hot(floats({1}, {0.95}, {0.1}))[0]), ElementsAre(kOpen, kOpen));
  EXPECT_EQ(one_hot(floats({1}, {std::nan("")})).unspecified, 1u);
}

TEST(Constant, EveryFormOfTheValue) {
  EXPECT_THAT(values(run_node("Constant", 13, {}, {{"value_ints", Ints64{1, 2}}})[0]), ElementsAre(1, 2));
  EXPECT_EQ(run_node("Constant", 13, {}, {{"value_float", 0.5f}})[0].type, (ArrayType{DType::kFloat, {}}));
  const Attributes strings = {{"value_strings", std::vector<std::string>{"a"}}};
  EXPECT_EQ(run_node("Constant", 13, {}, strings)[0].type.dtype, DType::kString);
  EXPECT_THROW(run_node("Constant", 13, {}), InvalidNode);
  EXPECT_THROW(run_node("Constant", 13, {}, {{"value_int", std::int64_t{1}}, {"value_float", 1.f}}),
               InvalidNode);
}

TEST(Tile, ASizeThatOverflowsIsInvalid) {
  EXPECT_THROW(run_node("Tile", 13, {counted({4}), int64s({kMost})}), InvalidNode);
  EXPECT_EQ(run_node("Tile", 13, {counted({0}), int64s({kMost})})[0].count(), 0u);
}

// --- TensorScatter, Col2Im, BitCast ---

TEST(TensorScatter, EachSampleFromItsOwnPlace) {
  const Expected past = counted({2, 3, 1}), update = floats({2, 2, 1}, {10, 11, 12, 13});
  EXPECT_THAT(values(run_node("TensorScatter", 24, {past, update, int64s({0, 1})})[0]),
              ElementsAre(10, 11, 2, 3, 12, 13));
  EXPECT_THROW(run_node("TensorScatter", 24, {past, update, int64s({0, 2})}), InvalidNode);
  const auto circular =
      run_node("TensorScatter", 24, {past, update, int64s({2, kMost})}, {{"mode", std::string("circular")}});
  EXPECT_THAT(values(circular[0]), ElementsAre(11, 1, 10, 3, 12, 13)) << "2^63 - 1 is 1 modulo 3";
  EXPECT_THROW(run_node("TensorScatter", 24, {past, update}, {{"axis", std::int64_t{0}}}), InvalidNode);
}

TEST(Col2Im, OverlapsAddUp) {
  // Two blocks of two pixels over three.
  const NodeRun r = run_node("Col2Im", 18, {floats({1, 2, 2}, {1, 2, 3, 4}), int64s({1, 3}), int64s({1, 2})});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 5, 4));
  EXPECT_EQ(r[0].bound_at(0), 0);
  EXPECT_GT(r[0].bound_at(1), 0);
  EXPECT_THROW(run_node("Col2Im", 18, {floats({1, 2, 1}, {1, 2}), int64s({1, 3}), int64s({1, 2})}),
               InvalidNode);
}

TEST(BitCast, TheSameBits) {
  const auto to = [](DType t) { return Attributes{{"to", static_cast<std::int64_t>(t)}}; };
  EXPECT_THAT(values(run_node("BitCast", 26, {floats({2}, {1, -2})}, to(DType::kUint32))[0]),
              ElementsAre(0x3f800000, 0xc0000000));
  EXPECT_THAT(values(run_node("BitCast", 26, {numbers(DType::kInt16, {1}, {-1})}, to(DType::kUint16))[0]),
              ElementsAre(65535));
  EXPECT_THAT(
      values(run_node("BitCast", 26, {numbers(DType::kUint16, {1}, {0x3c00})}, to(DType::kFloat16))[0]),
      ElementsAre(1));
  const NodeRun r = run_node("BitCast", 26, {floats({3}, {1, 0, 1}, {0, 0, 1e-9})}, to(DType::kInt32));
  EXPECT_FALSE(r[0].open_at(0));
  EXPECT_TRUE(r[0].open_at(1)) << "the sign of a zero";
  EXPECT_TRUE(r[0].open_at(2)) << "a rounded number";
  EXPECT_THROW(run_node("BitCast", 26, {floats({1}, {1})}, to(DType::kInt64)), InvalidNode);
}

}  // namespace
}  // namespace mob
