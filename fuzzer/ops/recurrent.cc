// RNN, GRU, LSTM.
#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/recurrent_activations.h"

namespace mob::ops {
namespace {

enum class Cell { kRnn, kGru, kLstm };

std::size_t gates(Cell cell) {
  return cell == Cell::kRnn ? 1 : cell == Cell::kGru ? 3 : 4;
}

struct Plan {
  Cell cell;
  std::int64_t seq, batch, input, hidden, directions;
  bool reverse, by_batch;               // by_batch: layout 1
  double clip;                          // infinite: none
  std::vector<Activation> activations;  // per direction: f, or f g, or f g h
  std::vector<std::int64_t> lengths;    // per batch entry
};

std::vector<Activation> activations(const Node& node, Cell cell, std::int64_t directions) {
  std::vector<std::string> names;
  for (std::int64_t d = 0; d < directions; ++d) {
    const std::vector<std::string> usual = cell == Cell::kRnn ? std::vector<std::string>{"tanh"}
                                           : cell == Cell::kGru
                                               ? std::vector<std::string>{"sigmoid", "tanh"}
                                               : std::vector<std::string>{"sigmoid", "tanh", "tanh"};
    names.insert(names.end(), usual.begin(), usual.end());
  }
  if (const Attribute* a = node.attribute("activations")) {
    const auto* given = std::get_if<std::vector<std::string>>(&a->value);
    if (given == nullptr) throw InvalidNode("activations are no strings");
    // The schema's default for RNN lists two, also where there is one direction.
    if (given->size() < names.size()) throw InvalidNode("too few activations");
    names.assign(given->begin(), given->begin() + static_cast<std::ptrdiff_t>(names.size()));
  }
  return read_activations(names, node.floats_or("activation_alpha", {}),
                          node.floats_or("activation_beta", {}));
}

Plan plan(const Inference& inf, Cell cell) {
  const Node& node = inf.node();
  Plan p{.cell = cell};
  p.by_batch = node.int_or("layout", 0) != 0;
  const std::string direction = node.string_or("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    throw InvalidNode("direction is none of the three words");
  p.directions = direction == "bidirectional" ? 2 : 1;
  p.reverse = direction == "reverse";
  if (inf.rank(0) != 3 || inf.rank(1) != 3 || inf.rank(2) != 3)
    throw InvalidNode("X, W and R have three axes");
  p.seq = inf.dims(0)[p.by_batch];
  p.batch = inf.dims(0)[!p.by_batch];
  p.input = inf.dims(0)[2];
  p.hidden = inf.dims(2)[2];
  if (node.int_or("hidden_size", p.hidden) != p.hidden) throw InvalidNode("hidden_size is not that of R");
  const auto g = static_cast<std::int64_t>(gates(cell));
  if (p.hidden > (std::int64_t{1} << 40)) throw Unsupported("hidden_size is too large");
  const auto expect = [&](std::size_t i, const Dims& dims) {
    if (inf.has_input(i) && inf.dims(i) != dims)
      throw InvalidNode("input " + std::to_string(i) + " has a wrong shape");
  };
  const Dims state =
      p.by_batch ? Dims{p.batch, p.directions, p.hidden} : Dims{p.directions, p.batch, p.hidden};
  expect(1, {p.directions, g * p.hidden, p.input});
  expect(2, {p.directions, g * p.hidden, p.hidden});
  expect(3, {p.directions, 2 * g * p.hidden});
  expect(4, {p.batch});
  expect(5, state);
  if (cell == Cell::kLstm) {
    expect(6, state);
    expect(7, {p.directions, 3 * p.hidden});
  }
  p.clip = node.float_or("clip", kInfinity<double>);
  if (!(p.clip > 0)) throw InvalidNode("clip is not positive");
  p.activations = activations(node, cell, p.directions);
  return p;
}

template <Cell cell>
void infer(Inference& inf) {
  const Plan p = plan(inf, cell);
  const DType t = inf.type(0).dtype;
  const Dims state =
      p.by_batch ? Dims{p.batch, p.directions, p.hidden} : Dims{p.directions, p.batch, p.hidden};
  if (inf.wants(0))
    inf.set_output(0, {t, p.by_batch ? Dims{p.batch, p.seq, p.directions, p.hidden}
                                     : Dims{p.seq, p.directions, p.batch, p.hidden}});
  for (std::size_t i = 1; i < (cell == Cell::kLstm ? 3 : 2); ++i)
    if (inf.wants(i)) inf.set_output(i, {t, state});
}

// One direction of one layer.
template <class R>
class Layer {
 public:
  Layer(Evaluation& ev, const Plan& p, std::int64_t direction)
      : ev_(ev), p_(p), d_(direction), rounding_(ev.rounding_of<R>(ev.type(0).dtype)) {
    const auto g = gates(p.cell);
    const auto &w = ev.reals<R>(1), &r = ev.reals<R>(2);
    weights_.resize(g);
    for (std::size_t i = 0; i < g; ++i) {  // [input + hidden, hidden]
      weights_[i].resize(size(p.input + p.hidden) * size(p.hidden));
      const std::int64_t row = (d_ * static_cast<std::int64_t>(g) + static_cast<std::int64_t>(i)) * p.hidden;
      for (std::int64_t h = 0; h < p.hidden; ++h) {
        for (std::int64_t k = 0; k < p.input; ++k)
          weights_[i].set(size(k * p.hidden + h), w[size((row + h) * p.input + k)]);
        for (std::int64_t k = 0; k < p.hidden; ++k)
          weights_[i].set(size((p.input + k) * p.hidden + h), r[size((row + h) * p.hidden + k)]);
      }
    }
    h_ = initial(5);
    if (p.cell == Cell::kLstm) c_ = initial(6);
  }

  void run() {
    const bool backwards = d_ == 1 || p_.reverse;
    for (std::int64_t step = 0; step < p_.seq; ++step) {
      const Reals<R> h = h_, c = c_;
      rows_.resize(size(p_.batch * (p_.input + p_.hidden)));
      for (std::int64_t b = 0; b < p_.batch; ++b) fill_row(b, time(b, step, backwards));
      if (p_.cell == Cell::kRnn)
        rnn();
      else if (p_.cell == Cell::kGru)
        gru(h);
      else
        lstm();
      for (std::int64_t b = 0; b < p_.batch; ++b) {
        const std::int64_t t = time(b, step, backwards);
        const bool over = step >= length(b);
        for (std::int64_t j = 0; j < p_.hidden; ++j) {
          const std::size_t i = size(b * p_.hidden + j);
          if (over) {  // the state stays what it was at the sequence's end
            h_.set(i, h[i]);
            if (p_.cell == Cell::kLstm) c_.set(i, c[i]);
          }
          if (!ev_.wants(0)) continue;
          const std::int64_t at =
              p_.by_batch ? (b * p_.seq + t) * p_.directions + d_ : (t * p_.directions + d_) * p_.batch + b;
          ev_.out_reals<R>(0).set(size(at * p_.hidden + j), over ? open_value<R>() : h_[i]);
          if (over) ev_.unspecified("output beyond the length of a sequence");
        }
      }
    }
    if (ev_.wants(1)) store(1, h_);
    if (p_.cell == Cell::kLstm && ev_.wants(2)) store(2, c_);
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
  std::int64_t length(std::int64_t b) const { return p_.lengths.empty() ? p_.seq : p_.lengths[size(b)]; }
  // Which time a step works on; beyond the sequence's end the times follow in order.
  std::int64_t time(std::int64_t b, std::int64_t step, bool backwards) const {
    return backwards && step < length(b) ? length(b) - 1 - step : step;
  }
  std::size_t state_at(std::int64_t b, std::int64_t j) const {
    return size((p_.by_batch ? b * p_.directions + d_ : d_ * p_.batch + b) * p_.hidden + j);
  }

  Reals<R> initial(std::size_t input) {
    Reals<R> s;
    s.resize(size(p_.batch * p_.hidden));
    if (!ev_.has_input(input)) return s;
    const auto& given = ev_.reals<R>(input);
    for (std::int64_t b = 0; b < p_.batch; ++b)
      for (std::int64_t j = 0; j < p_.hidden; ++j) s.set(size(b * p_.hidden + j), given[state_at(b, j)]);
    return s;
  }
  void store(std::size_t output, const Reals<R>& s) {
    auto& y = ev_.out_reals<R>(output);
    for (std::int64_t b = 0; b < p_.batch; ++b)
      for (std::int64_t j = 0; j < p_.hidden; ++j) {
        y.set(state_at(b, j), length(b) == 0 ? open_value<R>() : s[size(b * p_.hidden + j)]);
        if (length(b) == 0) ev_.unspecified("state after an empty sequence");
      }
  }

  // Row b of [batch, input + hidden]: x at time t, then the state.
  void fill_row(std::int64_t b, std::int64_t t) {
    const auto& x = ev_.reals<R>(0);
    const std::int64_t row = b * (p_.input + p_.hidden);
    for (std::int64_t k = 0; k < p_.input; ++k)
      rows_.set(size(row + k), x[size((p_.by_batch ? b * p_.seq + t : t * p_.batch + b) * p_.input + k)]);
    for (std::int64_t k = 0; k < p_.hidden; ++k)
      rows_.set(size(row + p_.input + k), h_[size(b * p_.hidden + k)]);
  }

  // rows [batch, input + hidden] times the weights of a gate, columns [from, from + depth) only; biases Wb
  // and Rb as asked. All in one sum of unknown order.
  Reals<R> linear(std::size_t gate, std::int64_t from, std::int64_t depth, bool wb, bool rb) {
    const std::int64_t width = p_.input + p_.hidden;
    Reals<R> part, y;
    part.resize(size(p_.batch * depth));
    for (std::int64_t b = 0; b < p_.batch; ++b)
      for (std::int64_t k = 0; k < depth; ++k)
        part.set(size(b * depth + k), rows_[size(b * width + from + k)]);
    y.resize(size(p_.batch * p_.hidden));
    const Reals<R>& w = weights_[gate];
    add_matmul<R>({part.v.data(), part.e.data()},
                  {w.v.data() + from * p_.hidden, w.e.data() + from * p_.hidden}, y.v.data(), y.e.data(),
                  p_.batch, depth, p_.hidden, rounding_);
    const R gamma = rounding_.gamma(static_cast<R>(depth));
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      Approx<R> total = y[i];
      for (const std::size_t which : {std::size_t{0}, std::size_t{1}}) {
        if (!(which == 0 ? wb : rb) || !ev_.has_input(3)) continue;
        const std::size_t row = (size(d_) * 2 + which) * weights_.size() + gate;
        Approx<R> bias = ev_.reals<R>(3)[row * size(p_.hidden) + i % size(p_.hidden)];
        if (bias.finite() && !bias.open()) bias.e += gamma * (std::fabs(bias.v) + bias.e);
        total = rounding_.add(total + bias);
      }
      y.set(i, rounding_.add(total));
    }
    return y;
  }
  Reals<R> linear(std::size_t gate) { return linear(gate, 0, p_.input + p_.hidden, true, true); }

  Approx<R> clipped(Approx<R> x) const {
    if (p_.clip == kInfinity<double>) return x;
    const R c = static_cast<R>(p_.clip);
    return monotone(x, [c](R v) { return std::isnan(v) ? v : std::clamp(v, -c, c); });
  }

  // Activation number `which` of this direction.
  Approx<R> activate(std::size_t which, Approx<R> x) const {
    const Activation& f = p_.activations[size(d_) * p_.activations.size() / size(p_.directions) + which];
    if (std::isnan(x.v)) ev_.unspecified("activation of a NaN");
    const Approx<R> y = apply(f, clipped(x), rounding_);
    // The text clips the input of every activation; ONNX Runtime leaves out the last one of an LSTM.
    return which == 2 && p_.clip < kInfinity<double> ? either(y, apply(f, x, rounding_)) : y;
  }

  void rnn() {
    const Reals<R> z = linear(0);
    for (std::size_t i = 0; i < z.v.size(); ++i) h_.set(i, activate(0, z[i]));
  }

  void gru(const Reals<R>& before) {
    const Reals<R> z = linear(0), r = linear(1);
    const bool linear_first = ev_.node().int_or("linear_before_reset", 0) != 0;
    const Approx<R> one{1};
    Reals<R> hidden;
    if (linear_first) {
      const Reals<R> from_x = linear(2, 0, p_.input, true, false),
                     from_h = linear(2, p_.input, p_.hidden, false, true);
      hidden.resize(from_x.v.size());
      for (std::size_t i = 0; i < hidden.v.size(); ++i)
        hidden.set(i, rounding_.add(rounding_.add(activate(0, r[i]) * from_h[i]) + from_x[i], 2));
    } else {
      for (std::int64_t b = 0; b < p_.batch; ++b)
        for (std::int64_t j = 0; j < p_.hidden; ++j) {
          const std::size_t i = size(b * p_.hidden + j);
          rows_.set(size(b * (p_.input + p_.hidden) + p_.input + j),
                    rounding_.add(activate(0, r[i]) * before[i]));
        }
      hidden = linear(2);
    }
    for (std::size_t i = 0; i < hidden.v.size(); ++i) {
      const Approx<R> update = activate(0, z[i]), fresh = activate(1, hidden[i]);
      h_.set(i, mixed(update, fresh, before[i], one));
    }
  }
  // (1 - z) fresh + z before, as h + z (before - h), too.
  Approx<R> mixed(Approx<R> z, Approx<R> fresh, Approx<R> before, Approx<R> one) const {
    const Approx<R> kept = rounding_.add(z * before);
    Approx<R> y = rounding_.add(rounding_.add(rounding_.add(one - z) * fresh) + kept);
    if (y.finite() && !y.open() && fresh.finite())
      y.e += 2 * rounding_.u() * (std::fabs(fresh.v) + std::fabs(kept.v));
    return y;
  }

  void lstm() {
    const Reals<R> i_gate = linear(0), o_gate = linear(1), f_gate = linear(2), c_gate = linear(3);
    const bool coupled = ev_.node().int_or("input_forget", 0) != 0;
    const auto peephole = [&](std::size_t which, std::size_t j, Approx<R> z, Approx<R> cell) {
      if (!ev_.has_input(7)) return z;
      const Approx<R> weight = ev_.reals<R>(7)[(size(d_) * 3 + which) * size(p_.hidden) + j];
      return rounding_.add(z + rounding_.add(weight * cell));
    };
    for (std::size_t i = 0; i < i_gate.v.size(); ++i) {
      const std::size_t j = i % size(p_.hidden);
      const Approx<R> before = c_[i];
      const Approx<R> in = activate(0, peephole(0, j, i_gate[i], before));
      const Approx<R> forget =
          coupled ? rounding_.add(Approx<R>{1} - in) : activate(0, peephole(2, j, f_gate[i], before));
      const Approx<R> cell =
          rounding_.add(rounding_.add(forget * before) + rounding_.add(in * activate(1, c_gate[i])));
      const Approx<R> out = activate(0, peephole(1, j, o_gate[i], cell));
      c_.set(i, cell);
      h_.set(i, rounding_.add(out * activate(2, cell)));
    }
  }

  Evaluation& ev_;
  const Plan& p_;
  std::int64_t d_;
  Rounding<R> rounding_;
  std::vector<Reals<R>> weights_;  // per gate
  Reals<R> h_, c_, rows_;
};

template <Cell cell>
void evaluate(Evaluation& ev) {
  Plan p = plan(ev, cell);
  if (ev.has_input(4)) {
    p.lengths = ev.ints(4);
    for (std::int64_t n : p.lengths)
      if (n < 0 || n > p.seq) throw InvalidNode("a sequence is longer than the input");
  }
  with_reals(ev.type(0).dtype, [&](auto zero) {
    using R = decltype(zero);
    for (std::int64_t d = 0; d < p.directions; ++d) Layer<R>(ev, p, d).run();
  });
}

template <Cell cell>
bool draft(Draft& d) {
  Rng& rng = d.rng();
  const auto g = static_cast<std::int64_t>(gates(cell));
  // ONNX Runtime takes sequences first only (layout 0), and says that it takes doubles but does not.
  const ArrayType x =
      d.input({.types = drawable(d, "T").without(DType::kDouble), .dims = Dims{kAny, kAny, kAny}});
  const std::int64_t hidden = rng.range(1, 4), batch = x.dims[1];
  const std::string direction = rng.pick({"forward", "forward", "reverse", "bidirectional"});
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  const Want weight{.types = x.dtype, .role = Role::kWeight, .range = {.low = -1, .high = 1}};
  const auto want = [&](Dims dims, Role role) {
    Want w = weight;
    w.dims = std::move(dims);
    w.role = role;
    d.input(w);
  };
  want({directions, g * hidden, x.dims[2]}, Role::kWeight);
  want({directions, g * hidden, hidden}, Role::kWeight);
  const bool present[] = {rng.chance(0.7), rng.chance(0.2), rng.chance(0.4),
                          cell == Cell::kLstm && rng.chance(0.4), cell == Cell::kLstm && rng.chance(0.25)};
  int last = 4;
  while (last >= 0 && !present[last]) --last;
  for (int i = 0; i <= last; ++i) {
    if (!present[i]) {
      d.skip_input();
    } else if (i == 1) {
      std::vector<std::int64_t> lengths;
      for (std::int64_t b = 0; b < batch; ++b)
        lengths.push_back(rng.chance(0.5) ? x.dims[0] : rng.range(1, x.dims[0]));
      d.input(Tensor::of_ints(DType::kInt32, {batch}, lengths));
    } else {
      const Dims shapes[] = {{directions, 2 * g * hidden},
                             {},
                             {directions, batch, hidden},
                             {directions, batch, hidden},
                             {directions, 3 * hidden}};
      want(shapes[i], i == 2 || i == 3 ? Role::kData : Role::kWeight);
    }
  }
  d.attribute("hidden_size", hidden);
  if (direction != "forward" || rng.chance(0.3)) d.attribute("direction", direction);
  if (rng.chance(0.2)) {
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < directions * (cell == Cell::kRnn ? 1 : cell == Cell::kGru ? 2 : 3); ++i)
      names.push_back(rng.pick({"Tanh", "Sigmoid", "Relu", "Softsign", "HardSigmoid"}));
    d.attribute("activations", names);
  }
  if (rng.chance(0.1)) d.attribute("clip", rng.pick({0.5f, 2.0f}));
  if (cell == Cell::kGru && rng.chance(0.4))
    d.attribute("linear_before_reset", std::int64_t{rng.chance(0.8)});
  if (cell == Cell::kLstm && rng.chance(0.1)) d.attribute("input_forget", std::int64_t{1});
  d.outputs(static_cast<std::size_t>(rng.range(1, cell == Cell::kLstm ? 3 : 2)));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "RNN",
     .since = 7,
     .draft = draft<Cell::kRnn>,
     .infer = infer<Cell::kRnn>,
     .evaluate = evaluate<Cell::kRnn>},
    {.name = "GRU",
     .since = 7,
     .draft = draft<Cell::kGru>,
     .infer = infer<Cell::kGru>,
     .evaluate = evaluate<Cell::kGru>},
    {.name = "LSTM",
     .since = 7,
     .draft = draft<Cell::kLstm>,
     .infer = infer<Cell::kLstm>,
     .evaluate = evaluate<Cell::kLstm>},
};

}  // namespace

namespace family {
extern constinit const Family recurrent = specs;
}

}  // namespace mob::ops
