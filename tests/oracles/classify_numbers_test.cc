// Whose fault a wrong number is: what the optimized model means decides between its kernels and its
// optimizer.
#include <gtest/gtest.h>

#include "fuzzer/graph/model_io.h"
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

Output output(std::string name, double v) {
  return {std::move(name), Tensor::of(DType::kFloat, {1}, {v}), true};
}

Expected number(double v, double e) {
  Expected x(ArrayType{DType::kFloat, {1}});
  std::get<Reals<double>>(x.data).set(0, {v, e});
  return x;
}

// y = x + x for x = 1, and z = -x. Optimized, y came out as `got`; the optimized model means `y` and `z`.
FindingClass classify(double got, Expected y, Expected z, bool exact = false) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[1] x) => (float[1] y, float[1] z) { y = Add(x, x)  z = Neg(x) })");
  c.inputs.emplace("x", Tensor::of(DType::kFloat, {1}, {1}));
  Reference reference = evaluate(c);
  if (exact) std::get<Reals<double>>(reference.outputs[0].data).e[0] = 0;
  Reference optimized;
  optimized.outputs = {std::move(y), std::move(z)};
  Outcome plain, bad;
  plain.kind = bad.kind = Outcome::Kind::kOutputs;
  plain.outputs = {output("y", 2), output("z", -1)};
  bad.outputs = {output("y", got), output("z", -1)};
  const std::vector<Configuration> configurations = {{.level = 0}, {.level = 99}};
  const std::vector<Outcome> outcomes = {plain, bad};
  const Evidence e{.c = c,
                   .reference = reference,
                   .configurations = configurations,
                   .outcomes = outcomes,
                   .relaxed = [&](const Arithmetic&) -> const Reference& { return reference; },
                   .optimized_reference = [&](std::size_t) { return &optimized; },
                   .repeats = {}};
  return classify_numbers(e, 1, violations(reference.outputs, c.model.graph, bad.outputs));
}

TEST(ClassifyNumbers, AnOptimizedModelThatMeansSomethingElseIsABug) {
  EXPECT_EQ(classify(3, number(3, 0), number(-1, 0)), FindingClass::kBug);
}

TEST(ClassifyNumbers, AnOptimizedModelThatMeansTheSameHasABadKernel) {
  EXPECT_EQ(classify(3, number(2, 0), number(-1, 0)), FindingClass::kKernel);
}

TEST(ClassifyNumbers, OutputsThatAreRightNeedNoMeaning) {
  EXPECT_EQ(classify(3, number(2, 0), Expected()), FindingClass::kKernel);
}

TEST(ClassifyNumbers, TheSameMeantMoreCoarselyIsPrecision) {
  EXPECT_EQ(classify(2.001, number(2, 0.01), number(-1, 0)), FindingClass::kPrecision);
}

// Of integers that are added as floats nothing is lost: the same operators on integers may not lose it
// either.
TEST(ClassifyNumbers, WhatIsExactHasNoCoarserMeaning) {
  EXPECT_EQ(classify(3, number(2, 1), number(-1, 0), /*exact=*/true), FindingClass::kBug);
}

TEST(ClassifyNumbers, StringsHaveAMeaningToo) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (string[1] x) => (string[1] y) { y = Identity(x) })");
  c.inputs.emplace("x", Tensor({1}, std::vector<std::string>{"a"}));
  const Reference reference = evaluate(c);
  for (const bool same : {true, false}) {
    Reference optimized = reference;
    if (!same) std::get<Strings>(optimized.outputs[0].data)[0] = "b";
    Outcome plain, bad;
    plain.kind = bad.kind = Outcome::Kind::kOutputs;
    plain.outputs = {{"y", Tensor({1}, std::vector<std::string>{"a"}), true}};
    bad.outputs = {{"y", Tensor({1}, std::vector<std::string>{"b"}), true}};
    const std::vector<Configuration> configurations = {{.level = 0}, {.level = 99}};
    const std::vector<Outcome> outcomes = {plain, bad};
    const Evidence e{.c = c,
                     .reference = reference,
                     .configurations = configurations,
                     .outcomes = outcomes,
                     .relaxed = [&](const Arithmetic&) -> const Reference& { return reference; },
                     .optimized_reference = [&](std::size_t) { return &optimized; },
                     .repeats = {}};
    EXPECT_EQ(classify_numbers(e, 1, violations(reference.outputs, c.model.graph, bad.outputs)),
              same ? FindingClass::kKernel : FindingClass::kBug);
  }
}

TEST(ClassifyNumbers, WhereNobodyKnowsWhatIsMeantItIsABug) {
  EXPECT_EQ(classify(3, number(2, kInfinity<double>), number(-1, 0)), FindingClass::kBug);
  EXPECT_EQ(classify(3, Expected(), number(-1, 0)), FindingClass::kBug);
}

}  // namespace
}  // namespace mob::oracles
