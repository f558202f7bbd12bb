// NonMaxSuppression: of boxes that overlap, the one with the best score.
#include <algorithm>

#include "fuzzer/ops/sampling.h"

namespace mob::ops {
namespace {

using A = Approx<double>;

struct Box {
  A low[2], high[2], area;
};

// What is chosen hangs together: one decision in doubt leaves the result's very shape open.
bool decided(A difference, const char* what) {
  if (difference.open() || std::isnan(difference.v)) throw Unsupported(what);
  if (difference.e > 0 && difference.may_be_zero()) throw Unsupported(what);
  return difference.v > 0;
}

class Chooser {
 public:
  explicit Chooser(const Inference& inf) : inf_(inf) {
    const Dims &boxes = inf.dims(0), &scores = inf.dims(1);
    if (boxes.size() != 3 || scores.size() != 3 || boxes[2] != 4 || boxes[0] != scores[0] ||
        boxes[1] != scores[2])
      throw InvalidNode("boxes [N, n, 4] and scores [N, classes, n] do not fit");
    if (inf.has_input(2)) {
      const auto most = inf.ints(2);
      if (most.size() != 1) throw InvalidNode("max_output_boxes_per_class is one number");
      most_ = most[0];
    }
    iou_ = scalar(3, 0);
    if (!(iou_.v >= 0 && iou_.v <= 1)) throw InvalidNode("iou_threshold lies outside [0, 1]");
    by_score_ = inf.has_input(4);
    least_ = scalar(4, 0);
  }

  // [batch, class, box] of each choice.
  std::vector<std::int64_t> choose() const {
    std::vector<std::int64_t> all;
    const Dims& scores = inf_.dims(1);
    if (most_ <= 0) return all;
    for (std::int64_t b = 0; b < scores[0]; ++b)
      for (std::int64_t c = 0; c < scores[1]; ++c)
        for (std::int64_t box : best(b, (b * scores[1] + c) * scores[2]))
          for (std::int64_t v : {b, c, box}) all.push_back(v);
    return all;
  }

 private:
  A number(std::size_t input, std::int64_t i) const {
    const auto at = static_cast<std::size_t>(i);
    return {inf_.input(input).value_at(at), inf_.input(input).bound_at(at)};
  }
  A scalar(std::size_t input, double fallback) const {
    if (!inf_.has_input(input)) return {fallback, 0};
    if (inf_.type(input).count() != 1) throw InvalidNode("a threshold is one number");
    return number(input, 0);
  }

  Box box(std::int64_t b, std::int64_t i) const {
    const std::int64_t at = (b * inf_.dims(0)[1] + i) * 4;
    const bool by_center = inf_.node().int_or("center_point_box", 0) != 0;
    Box box;
    for (std::int64_t axis : {0, 1}) {
      const A p = number(0, at + axis), q = number(0, at + 2 + axis);
      if (by_center) {
        const A half = q * A{0.5, 0};
        box.low[axis] = round_(p - half);
        box.high[axis] = round_(p + half);
      } else {
        box.low[axis] = extreme(p, q, false);
        box.high[axis] = extreme(p, q, true);
      }
    }
    box.area = round_(side(box.low[0], box.high[0]) * side(box.low[1], box.high[1]));
    return box;
  }
  static A extreme(A a, A b, bool max) {
    const auto pick = [&](double x, double y) { return max ? std::max(x, y) : std::min(x, y); };
    const double v = pick(a.v, b.v), low = pick(a.low(), b.low()), high = pick(a.high(), b.high());
    return {v, std::max(high - v, v - low)};
  }
  A side(A low, A high) const { return round_(high - low); }

  bool overlap(const Box& a, const Box& b) const {
    A shared = {1, 0};
    for (int axis : {0, 1}) {
      const A side_of =
          side(extreme(a.low[axis], b.low[axis], true), extreme(a.high[axis], b.high[axis], false));
      if (!decided(side_of, "whether two boxes meet")) return false;
      shared = round_(shared * side_of);
    }
    const A both = round_(round_(a.area + b.area) - shared);
    if (!decided(a.area, "an empty box") || !decided(b.area, "an empty box") ||
        !decided(both, "an empty union"))
      return false;
    // No rounding carries a quotient over a threshold that it does not exceed.
    const bool exact = shared.e == 0 && both.e == 0 && iou_.e == 0;
    if (exact && shared.v <= iou_.v * both.v) return false;
    return decided(round_(shared / both) - iou_, "whether two boxes overlap too much");
  }

  std::vector<std::int64_t> best(std::int64_t b, std::int64_t scores) const {
    std::vector<std::int64_t> order, chosen;
    std::vector<Box> boxes;
    for (std::int64_t i = 0; i < inf_.dims(1)[2]; ++i) {
      if (std::isnan(number(1, scores + i).v)) throw Unsupported("a score that is no number");
      if (by_score_) {
        const A above = number(1, scores + i) - least_;
        // The text keeps an equal score, kernels drop it.
        if (above.v == 0) throw Unsupported("a score on the threshold");
        if (!decided(above, "whether a score is enough")) continue;
      }
      order.push_back(i);
    }
    // Of equal scores the first, as published cases have it.
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t k) {
      return number(1, scores + i).v > number(1, scores + k).v;
    });
    for (std::size_t i = 1; i < order.size(); ++i)
      if (const A front = number(1, scores + order[i - 1]), back = number(1, scores + order[i]);
          front.v != back.v || front.e + back.e > 0)
        decided(front - back, "which of two scores is better");
    for (std::int64_t i : order) {
      if (static_cast<std::int64_t>(chosen.size()) >= most_) break;
      const Box next = box(b, i);
      if (std::any_of(boxes.begin(), boxes.end(), [&](const Box& o) { return overlap(next, o); })) continue;
      boxes.push_back(next);
      chosen.push_back(i);
    }
    return chosen;
  }

  const Inference& inf_;
  const RoundTo<double> round_{DType::kFloat};
  std::int64_t most_ = 0;
  A iou_, least_;
  bool by_score_ = false;
};

void infer(Inference& inf) {
  const auto n = static_cast<std::int64_t>(Chooser(inf).choose().size());
  inf.set_output(0, {DType::kInt64, {n / 3, 3}});
}

void evaluate(Evaluation& ev) {
  ev.out_ints().v = Chooser(ev).choose();
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const std::int64_t batch = rng.range(1, 2), classes = rng.range(1, 3), n = rng.range(1, 8);
  const bool by_center = rng.chance(0.3);
  d.input({.types = DType::kFloat,
           .dims = Dims{batch, n, 4},
           .range = {.low = by_center ? 0.1 : 0.0, .high = 1}});
  d.input({.types = DType::kFloat, .dims = Dims{batch, classes, n}, .range = {.low = 0, .high = 1}});
  if (by_center || rng.chance(0.2)) d.attribute("center_point_box", std::int64_t{by_center});
  const auto shape = [&] { return rng.chance(0.5) ? Dims{} : Dims{1}; };
  d.input(Tensor::of_ints(DType::kInt64, shape(), {rng.chance(0.05) ? 0 : rng.range(1, n + 1)}));
  const bool with_score = rng.chance(0.6);
  if (rng.chance(0.7))
    d.input(Tensor::of(DType::kFloat, shape(), {rng.pick({0.0, 0.1, 0.3, 0.5, 0.7})}));
  else if (with_score)
    d.skip_input();
  if (with_score) d.input(Tensor::of(DType::kFloat, shape(), {rng.pick({-1.0, 0.2, 0.4, 0.6})}));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "NonMaxSuppression", .since = 10, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family non_max_suppression = specs;
}

}  // namespace mob::ops
