// What a Gemm takes in: an activation behind it, a sum behind it, transpositions around it, and a
// BatchNormalization behind a matrix product.
#include <algorithm>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

// Sizes of a product: rows, inner size, columns.
struct Sizes {
  std::int64_t rows, inner, columns;
};
Sizes draw_sizes(MotifBuilder& m) {
  const Dims d = m.draw_dims(3, 2);
  return {d[0], d[1], d[2]};
}

struct GemmForm {
  bool trans_a = false, trans_b = false;
  double alpha = 1, beta = 1;
};
// Transpositions and factors as exporters write them; with `plain` broken, unusual factors.
GemmForm draw_form(MotifBuilder& m, bool usual_factors) {
  GemmForm f{.trans_a = m.rng().chance(0.3), .trans_b = m.rng().chance(0.5)};
  if (!usual_factors) {
    f.alpha = m.rng().pick({0.5, 2.0, -1.0, 0.0, 1.0});
    f.beta = m.rng().pick({0.5, 2.0, -1.0, 0.0});
  }
  return f;
}
std::vector<Attribute> attributes(MotifBuilder& m, const GemmForm& f) {
  std::vector<Attribute> list;
  const auto flag = [&](std::string name, bool v) {
    if (v || m.rng().chance(0.3))
      list.push_back({.name = std::move(name), .value = static_cast<std::int64_t>(v)});
  };
  const auto factor = [&](std::string name, double v) {
    if (v != 1 || m.rng().chance(0.3))
      list.push_back({.name = std::move(name), .value = static_cast<float>(v)});
  };
  factor("alpha", f.alpha);
  factor("beta", f.beta);
  flag("transA", f.trans_a);
  flag("transB", f.trans_b);
  return list;
}
Dims flipped(Dims d, bool flip) {
  if (flip) std::swap(d[0], d[1]);
  return d;
}

// Dimensions that broadcast with a matrix and that a Gemm takes for C, or (`narrow` false) some that it does
// not.
Dims addend(MotifBuilder& m, const Sizes& s, bool narrow) {
  if (!narrow)
    return m.rng().pick<Dims>({Dims{2, s.rows, s.columns}, Dims{1, s.rows, s.columns}, Dims{1, 1, s.columns},
                               Dims{}, Dims{1}, Dims{1, 1}});
  return m.rng().pick<Dims>(
      {Dims{s.columns}, Dims{s.columns}, Dims{1, s.columns}, Dims{s.rows, s.columns}, Dims{s.rows, 1}});
}

ValueRange range_of(DType t) {
  return {.low = -2, .high = 2, .integral = !is_float(t)};
}

constexpr Guard kActivationGuards[] = {
    {"factors-1", "alpha and beta are 1"},
    {"fusable", "the activation is one that the kernel knows"},
    {"activation-usual", "the activation's attributes are at their defaults"},
    {"bias-of-columns", "C is a vector of one number per column"},
    {"bias-there", "C is there"},
    {"not-empty", "no dimension is 0"},
};

// activation(Gemm(a, b, c))
void gemm_activation(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Gemm");
  Sizes s = draw_sizes(m);
  if (m.breaks("not-empty")) *m.rng().pick({&s.rows, &s.inner, &s.columns}) = 0;
  const GemmForm f = draw_form(m, m.holds("factors-1"));
  std::vector<ValueId> inputs = {m.data(t, flipped({s.rows, s.inner}, f.trans_a), range_of(t)),
                                 m.weight(t, flipped({s.inner, s.columns}, f.trans_b), range_of(t))};
  if (m.opset() < 11 || m.holds("bias-there")) {
    Dims bias = {s.columns};
    if (m.breaks("bias-of-columns"))
      bias =
          m.rng().pick<Dims>({Dims{}, Dims{1}, Dims{1, s.columns}, Dims{s.rows, 1}, Dims{s.rows, s.columns}});
    inputs.push_back(m.weight(t, bias, range_of(t)));
  }
  const ValueId y = m.op("Gemm", std::move(inputs), attributes(m, f));
  if (m.breaks("fusable")) {
    if (m.rng().chance(0.3))
      m.result(m.clip(y, -1, m.rng().pick({1.0, 6.0})));
    else
      m.result(m.op(m.rng().pick({"Abs", "Neg", "Erf", "Exp", "HardSwish", "Mish", "Celu", "Gelu"}), {y}));
    return;
  }
  // Those with attributes are drawn often enough, since these have to be carried over.
  const std::string_view act = m.rng().pick({"Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "LeakyRelu",
                                             "Elu", "HardSigmoid", "Selu", "ThresholdedRelu"});
  std::vector<Attribute> list;
  const bool usual = m.holds("activation-usual");
  const auto number = [&](std::string name, std::initializer_list<float> others) {
    if (!usual) list.push_back({.name = std::move(name), .value = m.rng().pick(others)});
  };
  if (act == "LeakyRelu" || act == "Elu") number("alpha", {0.5F, 2.0F, -0.5F, 0.0F});
  if (act == "ThresholdedRelu") number("alpha", {0.3F, -0.5F, 0.0F});
  if (act == "HardSigmoid") {
    number("alpha", {0.5F, -0.3F});
    if (m.rng().chance(0.7)) number("beta", {0.1F, 0.9F});
  }
  if (act == "Selu") {
    number("gamma", {0.5F, 2.0F});
    if (m.rng().chance(0.5)) number("alpha", {0.5F, 1.0F});
  }
  m.result(m.op(act, {y}, std::move(list)));
}

constexpr Guard kSumGuards[] = {
    {"bias-absent", "C is absent"},
    {"addends-2", "the sum is of two"},
    {"addend-narrow", "the addend broadcasts into the product"},
    {"addend-other", "the addend is not the product"},
    {"factors-1", "alpha and beta are 1"},
    {"not-empty", "no dimension is 0"},
};

// Sum(Gemm(a, b), c)
void gemm_sum(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Gemm");
  Sizes s = draw_sizes(m);
  if (m.breaks("not-empty")) *m.rng().pick({&s.rows, &s.inner, &s.columns}) = 0;
  const GemmForm f = draw_form(m, m.holds("factors-1"));
  std::vector<ValueId> inputs = {m.data(t, flipped({s.rows, s.inner}, f.trans_a), range_of(t)),
                                 m.data(t, flipped({s.inner, s.columns}, f.trans_b), range_of(t))};
  if (m.breaks("bias-absent")) inputs.push_back(m.weight(t, {s.columns}, range_of(t)));
  const ValueId y = m.op("Gemm", std::move(inputs), attributes(m, f));
  const auto other = [&] {
    const Dims d = addend(m, s, m.holds("addend-narrow"));
    return m.rng().chance(0.5) ? m.weight(t, d, range_of(t)) : m.data(t, d, range_of(t));
  };
  std::vector<ValueId> sum = {y, m.holds("addend-other") ? other() : y};
  if (m.breaks("addends-2")) {
    if (m.rng().chance(0.4))
      sum.pop_back();
    else
      sum.push_back(other());
  }
  if (m.rng().chance(0.5)) std::reverse(sum.begin(), sum.end());
  m.result(m.op("Sum", std::move(sum)));
}

constexpr Guard kTransposeGuards[] = {
    {"bias-absent", "C is absent where the result is transposed"},
    {"bias-of-columns", "C is a vector of one number per column"},
    {"factors-1", "alpha and beta are 1"},
    {"perm-given", "the permutation is written down"},
    {"perm-swaps", "the permutation swaps both axes"},
    {"factors-other", "the factors are two tensors"},
    {"readers-gemm", "what is transposed is read by one Gemm alone"},
    {"not-empty", "no dimension is 0"},
};

// Gemm of transposed factors, its result transposed
void gemm_transpose(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Gemm");
  Sizes s = draw_sizes(m);
  if (m.breaks("not-empty")) *m.rng().pick({&s.rows, &s.inner, &s.columns}) = 0;
  const GemmForm f = draw_form(m, m.holds("factors-1"));
  const auto flip = [&](ValueId x) {
    if (m.breaks("perm-swaps")) return m.transpose(x, {0, 1});
    if (m.breaks("perm-given")) return m.op("Transpose", {x});
    return m.transpose(x, {1, 0});
  };
  // What a Gemm reads for a factor, and whether a transposition stands before it.
  const auto factor = [&](Dims dims, bool behind) {
    if (!behind) return m.data(t, dims, range_of(t));
    const bool stays = m.breaks("perm-swaps");
    return flip(m.data(t, stays ? dims : flipped(dims, true), range_of(t)));
  };
  const std::uint64_t where = m.rng().range(1, 7);  // before a, before b, behind the result
  ValueId a = factor(flipped({s.rows, s.inner}, f.trans_a), (where & 1) != 0), b;
  if (m.breaks("factors-other")) {
    // x and x, of one shape on both sides only where the result is square
    s.columns = s.rows;
    const Dims& have = m.dims(a);
    const Dims need = flipped({s.inner, s.columns}, f.trans_b);
    b = have == need ? a : flip(a);
    if (m.dims(b) != need) throw CannotDraft{};
  } else {
    b = factor(flipped({s.inner, s.columns}, f.trans_b), (where & 2) != 0);
  }
  std::vector<ValueId> inputs = {a, b};
  const bool behind = (where & 4) != 0;
  if (m.opset() < 11 || (behind ? m.breaks("bias-absent") : m.rng().chance(0.6))) {
    Dims bias = {s.columns};
    if (m.breaks("bias-of-columns"))
      bias =
          m.rng().pick<Dims>({Dims{}, Dims{1}, Dims{1, s.columns}, Dims{s.rows, 1}, Dims{s.rows, s.columns}});
    inputs.push_back(m.weight(t, bias, range_of(t)));
  }
  const auto list = attributes(m, f);
  ValueId y = m.op("Gemm", inputs, list);
  if (m.breaks("readers-gemm")) {
    const ValueId shared = m.rng().pick({a, b});
    if (m.rng().chance(0.5))
      m.result(m.op(m.rng().pick({"Relu", "Neg", "Sigmoid"}), {shared}));
    else
      m.result(m.op("Gemm", inputs,
                    m.rng().chance(0.5)
                        ? list
                        : attributes(m, {.trans_a = f.trans_a, .trans_b = f.trans_b, .alpha = 2})));
  }
  if (behind) y = flip(y);
  m.result(y);
}

constexpr Guard kNormGuards[] = {
    {"right-matrix", "the right factor is a matrix"},
    {"left-matrix", "the left factor is a matrix"},
    {"channel-is-column", "the axis that is normalized is that of the product's columns"},
    {"epsilon-given", "epsilon is written down"},
    {"inference", "the normalization is not in training"},
    {"one-type", "scale, bias, mean and variance are of the product's type"},
};

// BatchNormalization(MatMul(x, w)), with Reshape and Transpose between
void matmul_batch_normalization(MotifBuilder& m) {
  const DType drawn = m.dtype({DType::kDouble, DType::kFloat16}, "BatchNormalization");
  const bool one_type = m.holds("one-type");
  const DType t = one_type ? drawn : DType::kFloat16;
  Sizes s = draw_sizes(m);
  Dims left = {s.rows, s.inner}, right = {s.inner, s.columns};
  const bool deep = m.breaks("left-matrix");
  if (deep) left.insert(left.begin(), m.size(2));
  if (m.breaks("right-matrix")) right.insert(right.begin(), deep ? left[0] : m.size());
  ValueId y = m.op("MatMul", {m.data(t, left, range_of(t)), m.weight(t, right, range_of(t))});
  const Dims out = m.dims(y);
  if (out.size() == 2) {
    const double between = m.rng().unit();
    if (between < 0.2) {
      y = m.reshape(y, {s.rows, s.columns, 1, 1});
    } else if (between < 0.35) {
      y = m.transpose(m.reshape(y, {s.rows, 1, s.columns}), {0, 2, 1});
    } else if (m.breaks("channel-is-column")) {
      switch (m.rng().below(3)) {
        case 0:
          y = m.transpose(y, {1, 0});
          break;
        case 1:
          y = m.reshape(y, {s.columns, s.rows});
          break;
        default:
          y = m.reshape(y, {1, s.rows, s.columns});
          break;
      }
    }
  } else if (out.size() == 3 && m.holds("channel-is-column")) {
    y = m.transpose(y, {0, 2, 1});
  }
  const std::int64_t channels = m.dims(y)[1];
  std::vector<Attribute> list;
  if (m.holds("epsilon-given"))
    list.push_back({.name = "epsilon", .value = m.rng().pick({1e-5F, 1e-3F, 0.5F})});
  if (m.rng().chance(0.2)) list.push_back({.name = "momentum", .value = 0.5F});
  const bool training = m.breaks("inference");
  std::size_t outputs = 1;
  if (training) {
    if (m.opset() < 14) throw CannotDraft{};
    list.push_back({.name = "training_mode", .value = std::int64_t{1}});
    outputs = 3;
  }
  DType p = t;
  if (!one_type) {
    if (m.opset() < 15) throw CannotDraft{};
    p = DType::kFloat;
  }
  const auto vector = [&](double low, double high) {
    return m.weight(p, {channels}, {.low = low, .high = high});
  };
  for (ValueId v :
       m.ops("BatchNormalization", {y, vector(0.3, 2), vector(-2, 2), vector(-2, 2), vector(0.3, 3)},
             std::move(list), outputs))
    m.result(v);
}

constexpr Motif motifs[] = {
    {.name = "gemm-activation",
     .aims_at = "GemmActivationFusion",
     .guards = kActivationGuards,
     .build = gemm_activation},
    {.name = "gemm-sum", .aims_at = "GemmSumFusion", .guards = kSumGuards, .since = 11, .build = gemm_sum},
    {.name = "gemm-transpose",
     .aims_at = "GemmTransposeFusion",
     .guards = kTransposeGuards,
     .build = gemm_transpose},
    {.name = "matmul-batch-normalization",
     .aims_at = "MatMul_BatchNormalization_Fusion",
     .guards = kNormGuards,
     .build = matmul_batch_normalization},
};

}  // namespace

namespace family {
extern const MotifFamily gemm;
const MotifFamily gemm = motifs;
}  // namespace family

}  // namespace mob::motifs
