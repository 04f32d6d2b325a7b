namespace LowLatency.Bench.Reports;

/// <summary>One figure: what was measured, what it is to reach.</summary>
/// <param name="Id">Of the group that it was measured in.</param>
/// <param name="What">In words.</param>
/// <param name="Value">Null when it could not be measured: see <paramref name="Error"/>.</param>
/// <param name="Unit">Of value and target.</param>
/// <param name="Target">Null when it is there only to compare with.</param>
/// <param name="IsFloor">The value is to be at least the target, not at most.</param>
/// <param name="Error">Why there is no value.</param>
internal sealed record Figure(string Id, string What, double? Value, string Unit, double? Target = null, bool IsFloor = false, string? Error = null)
{
    /// <summary>Null where there is no target.</summary>
    public bool? IsReached => Error != null ? false
        : Target is not double target || Value is not double value ? null
        : IsFloor ? value >= target
        : value <= target;

    internal string ValueText => Error ?? $"{Number(Value)} {Unit}";

    internal string TargetText => Target == null ? "" : $"{(IsFloor ? "≥" : "≤")} {Number(Target)} {Unit}";

    internal string ReachedText => IsReached switch { true => "yes", false => "NO", null => "" };

    internal static TextTable Table(IEnumerable<Figure> figures)
    {
        var table = new TextTable("figure", "measured", "to reach", "reached");
        foreach (Figure figure in figures)
            table.Add(figure.What, figure.ValueText, figure.TargetText, figure.ReachedText);
        return table;
    }

    private static string Number(double? value) => value >= 1000 ? Format.Count(value) : Format.Number(value);
}
