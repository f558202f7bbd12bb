// ONNX Runtime: one worker program serves every version; the library's path is its argument.
#include <algorithm>
#include <filesystem>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/runtime/system.h"

namespace mob::systems {
namespace {

namespace fs = std::filesystem;

// Every rewrite rule that the versions up to 1.31.1 register for the CPU, by the name that disables it.
constexpr std::string_view kRules[] = {"EliminateIdentity",
                                       "EliminateSlice",
                                       "UnsqueezeElimination",
                                       "EliminateDropout",
                                       "ExpandElimination",
                                       "CastElimination",
                                       "NoopElimination",
                                       "PreShapeNodeElimination",
                                       "CastChainElimination",
                                       "DivMulFusion",
                                       "FuseReluClip",
                                       "GemmSumFusion",
                                       "GemmTransposeFusion",
                                       "NotWhereFusion",
                                       "ConvAddFusion",
                                       "ConvMulFusion",
                                       "ConvBNFusion",
                                       "Pad_Fusion",
                                       "MatMul_BatchNormalization_Fusion",
                                       "LabelEncoderFusion",
                                       "ClipQuantRewrite",
                                       "ReluQuantRewrite"};

// Every other pass of theirs for the CPU.
constexpr std::string_view kPasses[] = {"AttentionFusion",
                                        "Avx2WeightS8ToU8Transformer",
                                        "BiasDropoutFusion",
                                        "BiasGeluFusion",
                                        "BiasSkipLayerNormFusion",
                                        "BiasSoftmaxFusion",
                                        "CastFloat16Transformer",
                                        "CommonSubexpressionElimination",
                                        "ConstantFolding",
                                        "ConstantFoldingDQ",
                                        "ConstantSharing",
                                        "ConvActivationFusion",
                                        "ConvAddActivationFusion",
                                        "DQMatMulNBitsFusion",
                                        "DoubleQDQPairsRemover",
                                        "DynamicQuantizeMatMulFusion",
                                        "EmbedLayerNormFusion",
                                        "EnsureUniqueDQForNodeUnit",
                                        "FastGeluFusion",
                                        "FuseFp16InitializerToFp32NodeTransformer",
                                        "GatherSliceToSplitFusion",
                                        "GatherToSliceFusion",
                                        "GeluFusionL1",
                                        "GeluFusionL2",
                                        "GemmActivationFusion",
                                        "GroupQueryAttentionFusion",
                                        "LayerNormFusionL1",
                                        "LayerNormFusionL2",
                                        "MatMulActivationFusion",
                                        "MatMulAddFusion",
                                        "MatMulIntegerToFloatFusion",
                                        "MatMulNBitsFusion",
                                        "MatMulScaleFusion",
                                        "MatmulTransposeFusion",
                                        "NchwcTransformer",
                                        "NhwcTransformer",
                                        "QDQFinalCleanupTransformer",
                                        "QDQPropagationTransformer",
                                        "QDQS8ToU8Transformer",
                                        "QDQSelectorActionTransformer",
                                        "QuickGeluFusion",
                                        "RemoveDuplicateCastTransformer",
                                        "ReshapeFusion",
                                        "SimplifiedLayerNormFusion",
                                        "SkipLayerNormFusion",
                                        "SliceConcatToSpaceToDepthFusion",
                                        "TransposeOptimizer",
                                        "TransposeOptimizer_CPUExecutionProvider",
                                        "WeightBiasQuantization"};

constexpr std::string_view kPreparing[] = {
    "QDQS8ToU8Transformer", "QDQPropagationTransformer",      "EnsureUniqueDQForNodeUnit",
    "EliminateIdentity",    "CastFloat16Transformer",         "FuseFp16InitializerToFp32NodeTransformer",
    "ConstantSharing",      "CommonSubexpressionElimination", "ConstantFolding"};

System with_library(std::string version, const fs::path& library) {
  System s;
  s.name = "onnxruntime";
  s.version = std::move(version);
  s.rules.assign(std::begin(kRules), std::end(kRules));
  s.passes.assign(std::begin(kPasses), std::end(kPasses));
  s.preparing.assign(std::begin(kPreparing), std::end(kPreparing));
  s.can_disable = s.version.find('/') != std::string::npos || !version_less(s.version, "1.18.0");
  s.command = {program_folder() / "mobster-onnxruntime-worker", library};
  return s;
}

std::vector<System> installed() {
  std::vector<System> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(cache_folder() / "onnxruntime", none)) {
    const fs::path library = entry.path() / "libonnxruntime.so";
    if (fs::exists(library, none)) found.push_back(with_library(entry.path().filename(), library));
  }
  std::sort(found.begin(), found.end(),
            [](const System& a, const System& b) { return version_less(a.version, b.version); });
  return found;
}

System at(const std::string& version) {
  if (version.find('/') != std::string::npos) {
    if (!fs::is_regular_file(version)) throw UserError("system onnxruntime@" + version + ": no such library");
    return with_library(version, fs::absolute(version));
  }
  std::vector<std::string> versions;
  for (System& s : installed()) {
    if (s.version == version) return s;
    versions.push_back(s.version);
  }
  throw UserError("onnxruntime " + version + " is not installed (there is " +
                  (versions.empty() ? "none" : join(versions, ", ")) + "): run scripts/setup --onnxruntime " +
                  version);
}

}  // namespace

extern const SystemSpec onnxruntime;
const SystemSpec onnxruntime = {
    .name = "onnxruntime", .what = "ONNX Runtime, CPU execution provider", .installed = installed, .at = at};

}  // namespace mob::systems
