namespace LowLatency.Server.Simulation;

/// <summary>What <c>lowlatency simulate</c> was asked for.</summary>
internal sealed record SimulationOptions
{
    internal const int DefaultSteps = 150;

    /// <summary>The first seed.</summary>
    internal ulong Seed { get; init; }

    /// <summary>Steps of each run.</summary>
    internal int Steps { get; init; } = DefaultSteps;

    /// <summary>Runs, from <see cref="Seed"/> on.</summary>
    internal int Seeds { get; init; } = 1;

    /// <summary>Threads.</summary>
    internal int Jobs { get; init; } = 1;

    /// <summary>What the runs do without.</summary>
    internal SimulationActions Disabled { get; init; }

    /// <summary>The command line that does it again.</summary>
    internal string CommandLine =>
        $"lowlatency simulate --seed {Seed} --steps {Steps}{(Seeds == 1 ? "" : $" --seeds {Seeds}")}{(Disabled == default ? "" : $" --without {Disabled}")}";
}
