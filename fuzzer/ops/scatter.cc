// ScatterElements, ScatterND and Scatter (opsets 9 and 10), with their reductions.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

enum class Reduction { kNone, kAdd, kMul, kMin, kMax };

Reduction reduction_of(const Inference& inf) {
  const std::string name = inf.node().string_or("reduction", "none");
  if (name == "none") return Reduction::kNone;
  if (name == "add") return Reduction::kAdd;
  if (name == "mul") return Reduction::kMul;
  if (name == "min") return Reduction::kMin;
  if (name == "max") return Reduction::kMax;
  throw InvalidNode("there is no reduction '" + name + "'");
}

// The update i of the flat `updates` goes to element target[i] of the output; -1: nobody knows where.
using Targets = std::vector<std::int64_t>;

bool same(const Expected& x, std::size_t i, const Expected& y, std::size_t j) {
  if (x.type.dtype == DType::kString) return std::get<Strings>(x.data)[i] == std::get<Strings>(y.data)[j];
  if (x.holds_ints())
    return x.ints().v[i] == y.ints().v[j] && x.ints().bound(i) == 0 && y.ints().bound(j) == 0;
  return x.value_at(i) == y.value_at(j) && x.bound_at(i) == 0 && y.bound_at(j) == 0;
}

void replace(Evaluation& ev, const Targets& targets) {
  const Expected& updates = ev.input(2);
  Expected& y = ev.output();
  std::vector<std::int64_t> writer(y.count(), -1);
  std::vector<bool> disputed(y.count());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto t = static_cast<std::size_t>(targets[i]);
    if (writer[t] >= 0 && !same(updates, static_cast<std::size_t>(writer[t]), updates, i)) disputed[t] = true;
    writer[t] = static_cast<std::int64_t>(i);
    copy_element(updates, i, y, t);
  }
  for (std::size_t t = 0; t < disputed.size(); ++t)
    if (disputed[t]) {
      set_open(y, t);
      ev.unspecified("the order of updates of one element");
    }
}

// min and max of numbers; what they do with a NaN is left open.
template <class R>
Approx<R> extreme(Evaluation& ev, Approx<R> a, Approx<R> b, bool max) {
  if (std::isnan(a.v) || std::isnan(b.v)) {
    ev.unspecified("min or max of a NaN");
    return open_value<R>(a.v);
  }
  if (a.open() || b.open()) return open_value<R>(a.v);
  const auto pick = [&](R x, R y) { return max ? std::max(x, y) : std::min(x, y); };
  const R v = pick(a.v, b.v), low = pick(a.low(), b.low()), high = pick(a.high(), b.high());
  if (!std::isfinite(v)) return special(v, true);  // an infinity wins, or both are
  return {v, std::max(v - low, high - v)};
}

// The terms of one sum may be added in any order: its rounding is counted by the sum of magnitudes at the
// end.
template <class R>
void add_reals(Evaluation& ev, const Targets& targets) {
  const auto &x = ev.reals<R>(0), &u = ev.reals<R>(2);
  auto& y = ev.out_reals<R>();
  const auto rounding = ev.rounding<R>();
  std::vector<std::int64_t> slot(y.v.size(), -1);
  std::vector<Sum<R>> sums;
  std::vector<std::size_t> where;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto t = static_cast<std::size_t>(targets[i]);
    if (slot[t] < 0) {
      slot[t] = static_cast<std::int64_t>(sums.size());
      sums.emplace_back().add(x[t]);
      where.push_back(t);
    }
    sums[slot[t]].add(u[i]);
  }
  for (std::size_t s = 0; s < sums.size(); ++s) y.set(where[s], sums[s].result(rounding));
}

void reduce_reals(Evaluation& ev, const Targets& targets, Reduction reduction) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    if (reduction == Reduction::kAdd) return add_reals<R>(ev, targets);
    const auto& u = ev.reals<R>(2);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const auto t = static_cast<std::size_t>(targets[i]);
      if (reduction == Reduction::kMul)
        y.set(t, rounding.add(y[t] * u[i]));
      else
        y.set(t, extreme(ev, y[t], u[i], reduction == Reduction::kMax));
    }
  });
}

std::int64_t reduce_int(DType type, std::int64_t a, std::int64_t b, Reduction reduction) {
  const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  const bool less = type == DType::kUint64 ? ua < ub : a < b;
  switch (reduction) {
    case Reduction::kAdd:  // of bools: or
      return type == DType::kBool ? a | b : wrap(type, static_cast<std::int64_t>(ua + ub));
    case Reduction::kMul:
      return type == DType::kBool ? a & b : wrap(type, static_cast<std::int64_t>(ua * ub));
    case Reduction::kMin:
      return less ? a : b;
    default:
      return less ? b : a;
  }
}

void reduce_ints(Evaluation& ev, const Targets& targets, Reduction reduction) {
  const Ints& u = ev.input_ints(2);
  Ints& y = ev.out_ints();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto t = static_cast<std::size_t>(targets[i]);
    const bool open = y.bound(t) != 0 || u.bound(i) != 0;
    y.v[t] = reduce_int(ev.output().type.dtype, y.v[t], u.v[i], reduction);
    if (open) y.set_bound(t, Ints::kOpen);
  }
}

void scatter(Evaluation& ev, const Targets& targets) {
  const Reduction reduction = reduction_of(ev);
  Expected& y = ev.output();
  copy_elements(ev.input(0), y);
  if (std::find(targets.begin(), targets.end(), -1) != targets.end()) {
    for (std::size_t i = 0; i < y.count(); ++i) set_open(y, i);
  } else if (reduction == Reduction::kNone) {
    replace(ev, targets);
  } else if (y.holds_reals()) {
    reduce_reals(ev, targets, reduction);
  } else if (y.holds_ints()) {
    reduce_ints(ev, targets, reduction);
  } else {
    throw Unsupported("a reduction of strings");
  }
}

void infer_common(Inference& inf) {
  const DType index = inf.type(1).dtype;
  if (index != DType::kInt32 && index != DType::kInt64)
    throw InvalidNode("indices are neither int32 nor int64");
  if (inf.type(2).dtype != inf.type(0).dtype) throw InvalidNode("updates are of another type than data");
  if (inf.dims(0).empty()) throw InvalidNode("a scalar has nowhere to scatter to");
  const Reduction reduction = reduction_of(inf);
  if (reduction != Reduction::kNone && inf.opset() < 16) throw InvalidNode("a reduction before opset 16");
  if ((reduction == Reduction::kMin || reduction == Reduction::kMax) && inf.opset() < 18)
    throw InvalidNode("reduction min or max before opset 18");
  inf.set_output(0, inf.type(0));
}

// A reduction that the opset and the type have, or none; indices may then repeat.
Reduction draw_reduction(Draft& d, DType t) {
  const bool half = t == DType::kFloat16 || t == DType::kBFloat16;  // few runtimes reduce these
  if (!d.schema().has_attribute("reduction") || t == DType::kBool || d.rng().chance(half ? 0.85 : 0.4))
    return Reduction::kNone;
  static constexpr std::string_view names[] = {"none", "add", "mul", "min", "max"};
  const auto i = static_cast<std::size_t>(d.rng().range(0, d.opset() >= 18 ? 4 : 2));
  d.attribute("reduction", std::string(names[i]));
  return static_cast<Reduction>(i);
}

// --- ScatterElements, Scatter ---

void infer_elements(Inference& inf) {
  infer_common(inf);
  const std::int64_t axis = Inference::axis(inf.node().int_or("axis", 0), inf.rank(0));
  const Dims &in = inf.dims(0), &indices = inf.dims(1);
  if (indices != inf.dims(2)) throw InvalidNode("indices and updates differ in shape");
  if (indices.size() != in.size()) throw InvalidNode("indices are of another rank than data");
  for (std::size_t d = 0; d < in.size(); ++d)
    if (static_cast<std::int64_t>(d) != axis && indices[d] > in[d])
      throw InvalidNode("indices are larger than data");
}

void infer_scatter(Inference& inf) {
  if (inf.opset() >= 11) throw InvalidNode("Scatter ended with opset 10");
  infer_elements(inf);
}

void evaluate_elements(Evaluation& ev) {
  const Ints& indices = ev.input_ints(1);
  const auto axis = static_cast<std::size_t>(Inference::axis(ev.node().int_or("axis", 0), ev.rank(0)));
  const Dims &out = ev.dims(0), to = strides(out);
  Targets targets;
  targets.reserve(indices.v.size());
  for_each_index(ev.dims(1), [&](const Dims& index) {
    const std::int64_t along = index_at(indices, targets.size(), out[axis]);
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < out.size(); ++d) offset += (d == axis ? along : index[d]) * to[d];
    targets.push_back(along < 0 ? -1 : offset);
  });
  scatter(ev, targets);
}

bool draft_elements(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1});
  const auto rank = static_cast<std::int64_t>(x.rank());
  if (element_count(x.dims) == 0) return false;
  const std::int64_t given = draw_axis(d, rank, 9), axis = given < 0 ? given + rank : given;
  if (given != 0 || rng.chance(0.3)) d.attribute("axis", given);
  const bool duplicates = draw_reduction(d, x.dtype) != Reduction::kNone;
  Dims dims = x.dims;
  for (std::int64_t i = 0; i < rank; ++i)
    if (rng.chance(0.4)) dims[i] = rng.range(1, dims[i] + (duplicates && i == axis ? 2 : 0));
  // Without a reduction every line along the axis gets distinct positions: a prefix of a permutation.
  std::vector<std::int64_t> indices(static_cast<std::size_t>(element_count(dims)));
  const std::int64_t lines = product(dims, 0, axis), n = dims[axis],
                     step = product(dims, axis + 1, dims.size());
  for (std::int64_t line = 0; line < lines * step; ++line) {
    const auto order = rng.permutation(static_cast<std::size_t>(x.dims[axis]));
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t to = duplicates ? rng.range(0, x.dims[axis] - 1) : order[i];
      indices[(line / step * n + i) * step + line % step] =
          d.opset() >= 11 && rng.chance(0.3) ? to - x.dims[axis] : to;
    }
  }
  d.input(Tensor::of_ints(rng.chance(0.3) ? DType::kInt32 : DType::kInt64, dims, indices));
  d.input({.types = x.dtype, .dims = dims});
  return true;
}

// --- ScatterND ---

void infer_nd(Inference& inf) {
  infer_common(inf);
  const Dims &in = inf.dims(0), &indices = inf.dims(1);
  if (indices.empty() || indices.back() < 1 || indices.back() > inf.rank(0))
    throw InvalidNode("the last axis of the indices does not fit the rank of data");
  Dims updates(indices.begin(), indices.end() - 1);
  updates.insert(updates.end(), in.begin() + indices.back(), in.end());
  if (updates != inf.dims(2)) throw InvalidNode("updates have the wrong shape");
}

void evaluate_nd(Evaluation& ev) {
  const Ints& indices = ev.input_ints(1);
  const Dims &out = ev.dims(0), to = strides(out);
  const auto depth = static_cast<std::size_t>(ev.dims(1).back());
  const std::int64_t part = product(out, depth, out.size());
  Targets targets;
  targets.reserve(ev.input(2).count());
  for (std::size_t t = 0; t < indices.v.size() / depth; ++t) {
    std::int64_t offset = 0;
    bool undecided = false;
    for (std::size_t k = 0; k < depth; ++k) {
      const std::int64_t i = index_at(indices, t * depth + k, out[k]);
      undecided = undecided || i < 0;
      offset += i * to[k];
    }
    for (std::int64_t i = 0; i < part; ++i) targets.push_back(undecided ? -1 : offset + i);
  }
  scatter(ev, targets);
}

bool draft_nd(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1});
  if (element_count(x.dims) == 0) return false;
  const std::int64_t depth = rng.range(1, static_cast<std::int64_t>(x.rank()));
  const bool duplicates = draw_reduction(d, x.dtype) != Reduction::kNone;
  const std::int64_t places = product(x.dims, 0, static_cast<std::size_t>(depth));
  const auto order = rng.permutation(static_cast<std::size_t>(places));
  std::int64_t n = rng.range(1, std::min<std::int64_t>(places, 6));
  Dims dims = rng.chance(0.15) ? Dims{} : rng.chance(0.3) && n % 2 == 0 ? Dims{2, n / 2} : Dims{n};
  if (dims.empty()) n = 1;
  std::vector<std::int64_t> indices(static_cast<std::size_t>(n * depth));
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t place = duplicates ? rng.range(0, places - 1) : order[i];
    for (std::int64_t k = depth; k-- > 0; place /= x.dims[k])
      indices[i * depth + k] = place % x.dims[k] - (rng.chance(0.2) ? x.dims[k] : 0);
  }
  Dims updates = dims;
  updates.insert(updates.end(), x.dims.begin() + depth, x.dims.end());
  dims.push_back(depth);
  d.input(Tensor::of_ints(DType::kInt64, dims, indices));
  d.input({.types = x.dtype, .dims = updates});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "ScatterElements",
     .since = 11,
     .draft = draft_elements,
     .infer = infer_elements,
     .evaluate = evaluate_elements},
    {.name = "ScatterND", .since = 11, .draft = draft_nd, .infer = infer_nd, .evaluate = evaluate_nd},
    {.name = "Scatter",
     .since = 9,
     .draft = draft_elements,
     .infer = infer_scatter,
     .evaluate = evaluate_elements},
};

}  // namespace

namespace family {
extern constinit const Family scatter = specs;
}

}  // namespace mob::ops
