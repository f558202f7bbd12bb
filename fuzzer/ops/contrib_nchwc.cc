// Operators on images whose channels lie in blocks (domain com.microsoft.nchwc), as ONNX Runtime writes them
// from level 3 on. Blocks are an order in memory and nothing else: images are held here as [N, C, H, W], and
// only weights, which come in blocks, are put in order.
#include "fuzzer/ops/contrib.h"

namespace mob::ops {
namespace {

constexpr std::string_view kNchwc = "com.microsoft.nchwc";

// Channels in a block: 8, or 16 where the vectors of the machine are that wide. The weights [O, I, H, W] say
// which where one of them does not fit.
std::int64_t block_size(const Dims& w) {
  const std::int64_t out = w[0], in = w[1];
  if (out % 8 != 0) throw InvalidNode("the filters do not fill their blocks");
  const auto fits = [&](std::int64_t block) { return out % block == 0 && (in < block || in % block == 0); };
  if (fits(8) && fits(16)) throw Unsupported("blocks of 8 or of 16 channels");
  if (!fits(8) && !fits(16)) throw InvalidNode("the channels do not fill their blocks");
  return fits(8) ? 8 : 16;
}

// Weights from their order in memory - [O / b][I / b][H][W][b of I][b of O], or [O / b][I][H][W][b of O]
// where there is less than a block of input channels - to [O, I, H, W].
Expected in_order(const Expected& w) {
  const Dims& dims = w.type.dims;
  if (dims.size() != 4) throw InvalidNode("weights have four axes");
  const std::int64_t block = block_size(dims), in_block = dims[1] < block ? 1 : block;
  std::vector<std::int64_t> from;
  for_each_index(dims, [&](const Dims& i) {
    std::int64_t at = i[0] / block * (dims[1] / in_block) + i[1] / in_block;
    at = (at * dims[2] + i[2]) * dims[3] + i[3];
    from.push_back((at * in_block + i[1] % in_block) * block + i[0] % block);
  });
  Expected y(w.type);
  gather_elements(w, from, y);
  return y;
}

// Zeros in the channels that fill up the last block.
Expected filled_up(const Inference& inf, const Expected& x, std::int64_t channels) {
  Dims dims = x.type.dims;
  if (dims.size() != 4 || dims[1] > channels) throw InvalidNode("the image has too many channels");
  if (dims[1] == channels) return x;
  dims[1] = channels - dims[1];
  const Expected zeros({x.type.dtype, dims});
  return apply(inf, "Concat", {{"axis", std::int64_t{1}}}, {&x, &zeros});
}

Expected conv(const Inference& inf) {
  const Expected w = in_order(inf.input(1));
  const Expected x = filled_up(inf, inf.input(0), w.type.dims[1] * inf.node().int_or("group", 1));
  if (!inf.has_input(3)) return convolved(inf, x, w, nullptr);
  const Expected z = filled_up(inf, inf.input(3), w.type.dims[0]);
  return convolved(inf, x, w, &z);
}

template <const char* Op>
Expected pool(const Inference& inf) {
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(),
                  {"auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads",
                   "storage_order", "strides"},
                  attributes);
  return apply(inf, Op, std::move(attributes), {&inf.input(0)});
}
constexpr char kMaxPool[] = "MaxPool", kAveragePool[] = "AveragePool", kGlobalMaxPool[] = "GlobalMaxPool",
               kGlobalAveragePool[] = "GlobalAveragePool";

Expected upsample(const Inference& inf) {
  const std::vector<std::int64_t> whole = inf.node().ints_or("scales", {});
  const std::vector<double> scales(whole.begin(), whole.end());
  const auto n = static_cast<std::int64_t>(scales.size());
  const Expected factors = exact(Tensor::of(DType::kFloat, {n}, scales));
  return apply(inf, "Resize",
               {{"mode", inf.node().string_or("mode", "nearest")},
                {"coordinate_transformation_mode",
                 inf.node().string_or("coordinate_transformation_mode", "asymmetric")},
                {"nearest_mode", std::string("floor")}},
               {&inf.input(0), nullptr, &factors});
}

bool says_channels_last(const Inference& inf) {
  return inf.node().int_or("channels_last", 0) != 0;
}

Expected reorder_input(const Inference& inf) {
  return says_channels_last(inf) ? channels_first(inf, inf.input(0)) : inf.input(0);
}

// `channels`: without those that fill up the last block.
Expected reorder_output(const Inference& inf) {
  const std::int64_t channels = inf.node().int_or("channels", 0);
  if (inf.rank(0) != 4 || channels < 1 || channels > inf.dims(0)[1])
    throw InvalidNode("the image does not have as many channels");
  const Expected y = part(inf, inf.input(0), 1, 0, channels);
  return says_channels_last(inf) ? channels_last(inf, y) : y;
}

constexpr OpSpec specs[] = {
    composed<conv>("Conv", kNchwc),
    composed<pool<kMaxPool>>("MaxPool", kNchwc),
    composed<pool<kAveragePool>>("AveragePool", kNchwc),
    composed<pool<kGlobalMaxPool>>("GlobalMaxPool", kNchwc),
    composed<pool<kGlobalAveragePool>>("GlobalAveragePool", kNchwc),
    composed<upsample>("Upsample", kNchwc),
    composed<reorder_input>("ReorderInput", kNchwc),
    composed<reorder_output>("ReorderOutput", kNchwc),
};

}  // namespace

namespace family {
extern constinit const Family contrib_nchwc = specs;
}

}  // namespace mob::ops
