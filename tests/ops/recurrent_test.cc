// RNN, GRU, LSTM: lengths, directions, activations.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;

const Expected none;  // an optional input that is left out

// h(t) = x(t) + 2 h(t-1), with relu as the activation.
NodeRun linear(const std::vector<double>& x, std::int64_t batch, Expected lengths,
               std::string direction = "forward") {
  const auto steps = static_cast<std::int64_t>(x.size()) / batch;
  return run_node("RNN", 14,
                  {floats({steps, batch, 1}, x), floats({1, 1, 1}, {1}), floats({1, 1, 1}, {2}), none,
                   std::move(lengths)},
                  {{"activations", std::vector<std::string>{"Relu"}},
                   {"hidden_size", std::int64_t{1}},
                   {"direction", direction}},
                  2);
}

TEST(Rnn, RunsForwardAndInReverse) {
  EXPECT_THAT(values(linear({1, 2, 3}, 1, none)[0]), ElementsAre(1, 4, 11));
  const auto reverse = linear({1, 2, 3}, 1, none, "reverse");
  EXPECT_THAT(values(reverse[0]), ElementsAre(17, 8, 3));
  EXPECT_THAT(values(reverse[1]), ElementsAre(17));
}

TEST(Rnn, StopsWhereASequenceEnds) {
  const auto lengths = numbers(DType::kInt32, {2}, {1, 2});
  const auto r = linear({1, 1, 5, 5}, 2, lengths);
  EXPECT_THAT(values(r[1]), ElementsAre(1, 7));
  EXPECT_TRUE(r[0].open_at(2));  // the text does not say what stands beyond
  EXPECT_FALSE(r[0].open_at(3));
  EXPECT_THAT(values(linear({1, 1, 5, 5}, 2, lengths, "reverse")[1]), ElementsAre(1, 11));
  EXPECT_TRUE(linear({1, 2}, 1, numbers(DType::kInt32, {1}, {0}))[1].open_at(0));
  EXPECT_THROW(linear({1, 2}, 1, numbers(DType::kInt32, {1}, {3})), InvalidNode);
}

TEST(Rnn, OfAnEmptySequenceKeepsItsState) {
  const auto r = run_node("RNN", 14,
                          {floats({0, 1, 1}, {}), floats({1, 1, 1}, {1}), floats({1, 1, 1}, {2}), none, none,
                           floats({1, 1, 1}, {7})},
                          {{"hidden_size", std::int64_t{1}}}, 2);
  EXPECT_EQ(r[0].type.dims, (Dims{0, 1, 1, 1}));
  // seq_length 0 is the length of every sequence of the batch.
  EXPECT_TRUE(r[1].open_at(0));
}

TEST(Lstm, ClipsEitherAllActivationsOrAllButTheLast) {
  const std::vector<Expected> in = {floats({1, 1, 1}, {100}),
                                    floats({1, 4, 1}, {1, 1, 1, 1}),
                                    floats({1, 4, 1}, {0, 0, 0, 0}),
                                    none,
                                    none,
                                    none,
                                    floats({1, 1, 1}, {3})};
  const auto r = run_node("LSTM", 14, in, {{"clip", 0.5f}, {"hidden_size", std::int64_t{1}}}, 3);
  const double gate = 1 / (1 + std::exp(-0.5)), cell = gate * 3 + gate * std::tanh(0.5);
  EXPECT_NEAR(r[2].value_at(0), cell, 1e-9);
  EXPECT_NEAR(r[0].value_at(0), gate * std::tanh(0.5), 1e-9);
  EXPECT_NEAR(r[0].bound_at(0), gate * (std::tanh(cell) - std::tanh(0.5)), 1e-5);
}

TEST(Gru, UsesItsOwnBiasOfTheResetGate) {
  std::vector<double> zeros(6, 0);
  zeros[5] = 1;  // Rbh
  const std::vector<Expected> in = {floats({1, 1, 1}, {0}), floats({1, 3, 1}, {0, 0, 0}),
                                    floats({1, 3, 1}, {0, 0, 0}), floats({1, 6}, zeros)};
  const auto plain = run_node("GRU", 14, in),
             linear_first = run_node("GRU", 14, in, {{"linear_before_reset", std::int64_t{1}}});
  EXPECT_NEAR(plain[0].value_at(0), 0.5 * std::tanh(1.0), 1e-9);
  EXPECT_NEAR(linear_first[0].value_at(0), 0.5 * std::tanh(0.5), 1e-9);
}

TEST(Recurrent, RefusesWhatDoesNotFit) {
  const auto x = floats({1, 1, 1}, {0}), w = floats({1, 1, 1}, {1});
  const auto run = [&](const Attributes& a) { return run_node("RNN", 14, {x, w, w}, a); };
  EXPECT_NO_THROW(run({}));
  EXPECT_THROW(run({{"hidden_size", std::int64_t{2}}}), InvalidNode);
  EXPECT_THROW(run({{"direction", std::string("up")}}), InvalidNode);
  EXPECT_THROW(run({{"direction", std::string("bidirectional")}}), InvalidNode);
  EXPECT_THROW(run({{"activations", std::vector<std::string>{"Sin"}}}), InvalidNode);
  EXPECT_THROW(run({{"activations", std::vector<std::string>{"Affine"}}}), Unsupported);
  EXPECT_THROW(run_node("LSTM", 14, {x, w, w}), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
