namespace LowLatency.Server.Simulation;

/// <summary>What a run does how often, and how large things are. Drawn from the seed, so that runs differ in kind.</summary>
internal sealed class SimulationProfile
{
    internal SimulationProfile(Random random, int steps, SimulationActions disabled)
    {
        // A short run has its share of what is rare.
        int rarities = Math.Clamp(2000 / Math.Max(1, steps), 1, 12);
        Clients = random.Next(1, 5);
        PortCapacity = random.Next(3) switch { 0 => 8 * 1024, 1 => 16 * 1024, _ => 128 * 1024 };
        MaxBody = random.Next(4) switch { 0 => 40, 1 => 1000, 2 => 20_000, _ => 120_000 };
        LargeEvery = random.Next(3) switch { 0 => 1, 1 => 3, _ => 20 };
        JournalReserve = random.Next(3) switch { 0 => 0, 1 => 64, _ => 1024 };
        MaxHotSegments = random.Next(3) switch { 0 => 1, 1 => 2, _ => int.MaxValue };
        LoadsAtOnceOf4 = random.Next(5);
        if (IsCold && random.Next(3) == 0)
            (MaxBody, LargeEvery) = (120_000, random.Next(1, 4));
        SnapshotSlice = random.Next(3) switch { 0 => 1, 1 => 4, _ => 256 };
        CutAfterRoll = disabled.Contains(SimulationAction.CutPower) ? int.MaxValue : random.Next(3) switch { 0 => 1, 1 => 4, _ => int.MaxValue };
        MaxBurst = random.Next(1, 40);
        MaxCredit = random.Next(3) switch { 0 => 2, 1 => 20, _ => 80 };
        Window = (uint)(random.Next(3) switch { 0 => 3, 1 => 20, _ => 64 });
        MaxBatch = random.Next(1, 60);
        PreparerSteps = random.Next(3) switch { 0 => 1, 1 => 8, _ => 80 };
        FlusherSteps = random.Next(1, 5);
        Weights = new int[SimulationActions.All.Length];
        foreach (SimulationAction action in SimulationActions.All)
        {
            int weight = Weight(action) * (IsRare(action) ? rarities : 1);
            // Some runs do without some things.
            if (random.Next(6) == 0 && action is not (SimulationAction.Batch or SimulationAction.Publish or SimulationAction.Open))
                weight = 0;
            Weights[(int)action] = disabled.Contains(action) ? 0 : weight * random.Next(1, 4);
        }
        Weights[(int)SimulationAction.Prepare] = disabled.Contains(SimulationAction.Prepare) ? 0 : 8 * PreparerSteps;
        Weights[(int)SimulationAction.Flush] = 100 * FlusherSteps;
        if (random.Next(8) != 0)
            Weights[(int)SimulationAction.Flow] = 0;
        if (HasFlow)
            (Window, MaxBatch) = (64, 60);
        Total = Weights.Sum();
        _has = new bool[Weights.Length];
        for (int i = (int)SimulationAction.Hosts; i < _has.Length; i++)
            _has[i] = random.Next(2) == 0 && !disabled.Contains((SimulationAction)i);
        RejectsOf5 = !Has(SimulationAction.DeadLetters) ? 0 : random.Next(3) == 0 ? 4 : 1;
    }

    private readonly bool[] _has;

    /// <summary>Whether the run has what is no step of its own.</summary>
    internal bool Has(SimulationAction what) => _has[(int)what];

    /// <summary>Segments fill fast, and are emptied.</summary>
    internal bool HasFlow => Weights[(int)SimulationAction.Flow] > 0;

    /// <summary>What fills them waits there: most of it is cold when it is read.</summary>
    internal bool KeepsFlow => HasFlow && IsCold;

    internal int Clients { get; }

    internal int PortCapacity { get; }

    internal int MaxBody { get; }

    /// <summary>One message in so many may be as large as <see cref="MaxBody"/>; the others are small.</summary>
    internal int LargeEvery { get; }

    /// <summary>What messages leave in the last segment for everything else, in bytes; 0: as much as usual.</summary>
    internal int JournalReserve { get; }

    /// <summary>Things that one slice of a snapshot looks at; with 256 it is whole at once.</summary>
    internal int SnapshotSlice { get; }

    /// <summary>Segments at the end of the journal that are not cold, where so few.</summary>
    internal int MaxHotSegments { get; }

    internal bool IsCold => MaxHotSegments < int.MaxValue;

    /// <summary>Of four reads of a cold segment so many are not put off.</summary>
    internal int LoadsAtOnceOf4 { get; }

    /// <summary>After one in so many rolls to a new segment the power is cut.</summary>
    internal int CutAfterRoll { get; }

    /// <summary>Of five settles so many reject; 0: one in twelve. Where what is rejected goes round it is to go round more than once.</summary>
    internal int RejectsOf5 { get; }

    internal int MaxBurst { get; }

    internal int MaxCredit { get; }

    internal uint Window { get; }

    internal int MaxBatch { get; }

    internal int PreparerSteps { get; }

    internal int FlusherSteps { get; }

    internal int[] Weights { get; }

    private int Total { get; }

    internal SimulationAction Draw(Random random)
    {
        int at = random.Next(Total);
        for (int i = 0; ; i++)
        {
            at -= Weights[i];
            if (at < 0)
                return (SimulationAction)i;
        }
    }

    private static int Weight(SimulationAction action) => action switch
    {
        SimulationAction.Batch => 900,
        SimulationAction.Publish => 700,
        SimulationAction.Poll => 600,
        SimulationAction.Settle => 600,
        SimulationAction.Open => 250,
        SimulationAction.Subscribe => 120,
        SimulationAction.Credit => 250,
        SimulationAction.Declare => 60,
        SimulationAction.Bind => 30,
        SimulationAction.TellDurable => 400,
        SimulationAction.Close => 12,
        SimulationAction.Disconnect => 6,
        SimulationAction.Delete => 3,
        SimulationAction.BreakRule => 4,
        SimulationAction.TakeOver => 10,
        SimulationAction.FillDisk => 3,
        SimulationAction.FailSync => 1,
        SimulationAction.Kill => 2,
        SimulationAction.CutPower => 2,
        SimulationAction.Stop => 1,
        SimulationAction.Get => 60,
        SimulationAction.Recover => 6,
        SimulationAction.LimitUnacked => 6,
        SimulationAction.Purge => 6,
        SimulationAction.Flow => 1200,
        SimulationAction.Commit => 150,
        _ => 0,
    };

    private static bool IsRare(SimulationAction action) => Weight(action) < 20;
}
