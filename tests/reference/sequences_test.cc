// Sequences and optionals: what the operators make of them, and that branches and bodies carry them.
#include <gmock/gmock.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Reference run(std::string_view graph, std::map<std::string, Tensor> inputs) {
  Case c;
  c.model = parse_text("<ir_version: 10, opset_import: [\"\" : 21]> " + std::string(graph));
  c.inputs = std::move(inputs);
  return evaluate(c);
}

std::vector<double> values(const Expected& x) {
  std::vector<double> v;
  for (std::size_t i = 0; i < x.count(); ++i) v.push_back(x.value_at(i));
  return v;
}

const Tensor kSix = Tensor::of(DType::kFloat, {6}, {1, 2, 3, 4, 5, 6});

TEST(Sequences, PartsAreFoundByPositionsFromBothEnds) {
  const Reference r = run(R"(
g (float[6] x) => (float[N] a, float[M] b, int64 n) <int64 four = {4}, int64 zero = {0}, int64 last = {-1}> {
  s = SplitToSequence <axis = 0> (x, four)
  a = SequenceAt (s, zero)
  b = SequenceAt (s, last)
  n = SequenceLength (s)
})",
                          {{"x", kSix}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(values(r.outputs[1]), ElementsAre(5, 6));
  EXPECT_THAT(values(r.outputs[2]), ElementsAre(2));
}

TEST(Sequences, InsertionAtMinusOneComesBeforeTheLast) {
  const Reference r = run(R"(
g (float[2] x, float[2] y, float[2] z) => (float[N] joined, float[A, B] stacked) <int64 last = {-1}> {
  s = SequenceConstruct (x, y)
  t = SequenceInsert (s, z, last)
  joined = ConcatFromSequence <axis = 0> (t)
  u = SequenceErase (t)
  stacked = ConcatFromSequence <axis = 1, new_axis = 1> (u)
})",
                          {{"x", Tensor::of(DType::kFloat, {2}, {1, 2})},
                           {"y", Tensor::of(DType::kFloat, {2}, {3, 4})},
                           {"z", Tensor::of(DType::kFloat, {2}, {5, 6})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(1, 2, 5, 6, 3, 4));
  EXPECT_THAT(values(r.outputs[1]), ElementsAre(1, 5, 2, 6));
}

TEST(Sequences, PositionsOutOfRangeAndOtherElementTypesAreInvalid) {
  constexpr std::string_view at = R"(
g (float[6] x) => (float[N] y) <int64 two = {2}> { s = SequenceConstruct (x, x) y = SequenceAt (s, two) })";
  EXPECT_TRUE(run(at, {{"x", kSix}}).invalid);
  constexpr std::string_view insert = R"(
g (float[6] x) => (int64 n) <int64 one = {1}> {
  s = SequenceConstruct (x)
  t = SequenceInsert (s, one)
  n = SequenceLength (t)
})";
  EXPECT_TRUE(run(insert, {{"x", kSix}}).invalid);
  constexpr std::string_view add = R"(
g (float[6] x) => (float[6] y) { s = SequenceConstruct (x) y = Add (s, x) })";
  EXPECT_THAT(run(add, {{"x", kSix}}).unavailable, HasSubstr("seq(tensor(float))"));
}

TEST(Sequences, LoopCarriesAndIfChooses) {
  const Reference r =
      run(R"(
g (float[6] x, bool c) => (int64 n, float[N] y) <int64 three = {3}, bool yes = {1}> {
  none = SequenceEmpty ()
  s = Loop (three, yes, none) <body = b (int64 i, bool on, seq(float[]) was) => (bool go, seq(float[]) now) {
    go = Identity (on)
    now = SequenceInsert (was, x)
  }>
  t = If (c) <
    then_branch = t () => (seq(float[]) a) { a = SequenceErase (s) },
    else_branch = e () => (seq(float[]) b) { b = Identity (s) }>
  n = SequenceLength (t)
  y = ConcatFromSequence <axis = 0> (t)
})",
          {{"x", Tensor::of(DType::kFloat, {1}, {7})}, {"c", Tensor::of_ints(DType::kBool, {}, {1})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(2));
  EXPECT_THAT(values(r.outputs[1]), ElementsAre(7, 7));
}

TEST(Optionals, HoldSomethingOrNothing) {
  const Reference r = run(R"(
g (float[6] x) => (bool yes, float[6] y, bool no) {
  o = Optional (x)
  yes = OptionalHasElement (o)
  y = OptionalGetElement (o)
  no = OptionalHasElement ()
})",
                          {{"x", kSix}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(1));
  EXPECT_THAT(values(r.outputs[1]), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(values(r.outputs[2]), ElementsAre(0));
}

TEST(Sequences, AreNoOutputsOfACase) {
  EXPECT_THAT(
      run("g (float[6] x) => (seq(float[6]) y) { y = SequenceConstruct (x) }", {{"x", kSix}}).unavailable,
      HasSubstr("no tensor"));
}

}  // namespace
}  // namespace mob
