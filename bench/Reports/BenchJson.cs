using System.Text.Json;
using System.Text.Json.Serialization;

namespace LowLatency.Bench.Reports;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(RunResult))]
[JsonSerializable(typeof(IReadOnlyList<Figure>))]
internal sealed partial class BenchJson : JsonSerializerContext
{
    /// <summary>One line.</summary>
    internal static string Write(RunResult result) => JsonSerializer.Serialize(result, Default.RunResult);

    /// <inheritdoc cref="Write(RunResult)"/>
    internal static string Write(IReadOnlyList<Figure> figures) => JsonSerializer.Serialize(figures, Default.IReadOnlyListFigure);
}
