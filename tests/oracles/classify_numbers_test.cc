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

// The class of `bad`, where the plain run gave `plain` and the optimized model means `optimized`.
FindingClass classify(const Case& c, const Reference& reference, const Reference& optimized,
                      std::vector<Output> plain, std::vector<Output> bad) {
  std::vector<Outcome> outcomes(2);
  for (Outcome& o : outcomes) o.kind = Outcome::Kind::kOutputs;
  outcomes[0].outputs = std::move(plain);
  outcomes[1].outputs = std::move(bad);
  const std::vector<Configuration> configurations = {{.level = 0}, {.level = 99}};
  const Evidence e{.c = c,
                   .reference = reference,
                   .configurations = configurations,
                   .outcomes = outcomes,
                   .relaxed = [&](const Arithmetic&) -> const Reference& { return reference; },
                   .optimized_reference = [&](std::size_t) { return &optimized; },
                   .repeats = {}};
  return classify_numbers(e, 1, violations(reference.outputs, c.model.graph, outcomes[1].outputs));
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
  return classify(c, reference, optimized, {output("y", 2), output("z", -1)},
                  {output("y", got), output("z", -1)});
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
  const auto word = [](const char* w) {
    return std::vector<Output>{{"y", Tensor({1}, std::vector<std::string>{w}), true}};
  };
  const Reference reference = evaluate(c);
  Reference other = reference;
  std::get<Strings>(other.outputs[0].data)[0] = "b";
  EXPECT_EQ(classify(c, reference, reference, word("a"), word("b")), FindingClass::kKernel);
  EXPECT_EQ(classify(c, reference, other, word("a"), word("b")), FindingClass::kBug);
}

TEST(ClassifyNumbers, WhereNobodyKnowsWhatIsMeantItIsABug) {
  EXPECT_EQ(classify(3, number(2, kInfinity<double>), number(-1, 0)), FindingClass::kBug);
  EXPECT_EQ(classify(3, Expected(), number(-1, 0)), FindingClass::kBug);
}

}  // namespace
}  // namespace mob::oracles
