// Constants and inputs hold plain numbers: all 1, all 0, counting up, or whole ones.
#include <algorithm>
#include <cmath>

#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

enum class Form : std::uint8_t { kOnes, kZeros, kCounting, kWhole, kAny };
constexpr Form kPlain[] = {Form::kOnes, Form::kZeros, Form::kCounting, Form::kWhole};

double plain(Form form, double was, std::int64_t i) {
  switch (form) {
    case Form::kOnes:
      return 1;
    case Form::kZeros:
      return 0;
    case Form::kCounting:
      return static_cast<double>(i + 1);
    case Form::kWhole:
      return std::isfinite(was) ? std::round(was) : was;
    case Form::kAny:
      break;
  }
  return was;
}

Tensor in_form(const Tensor& t, Form form) {
  std::vector<double> values(static_cast<std::size_t>(t.count()));
  for (std::int64_t i = 0; i < t.count(); ++i)
    values[static_cast<std::size_t>(i)] = plain(form, t.real_at(i), i);
  return Tensor::of(t.dtype(), t.dims(), values);
}

Form form_of(const Tensor& t) {
  for (Form form : kPlain)
    if (in_form(t, form).identical(t)) return form;
  return Form::kAny;
}

std::vector<Edit> edits(const Subject& s) {
  std::vector<Edit> list;
  for (const Leaf& leaf : leaves(s)) {
    // Integers say where and how much, but for quantized numbers.
    const DType t = leaf.content.dtype();
    if (leaf.content.count() == 0 || (!is_float(t) && t != DType::kUint8 && t != DType::kInt8)) continue;
    const Form now = form_of(leaf.content);
    for (Form form : kPlain) {
      if (form >= now) break;
      list.emplace_back([v = leaf.v, form](Case& c) {
        return change_leaf(c, v, [&](const Tensor& held) -> std::optional<Tensor> {
          if (form_of(held) <= form) return std::nullopt;
          return in_form(held, form);
        });
      });
    }
  }
  return list;
}

}  // namespace

extern const ShrinkStep plain_values;
const ShrinkStep plain_values = {
    .name = "plain-values", .what = "Tensors hold plain numbers.", .edits = edits};

}  // namespace mob::shrink::steps
