using LowLatency.Core.Engine;

namespace LowLatency.Bench.Workloads;

/// <summary>One workload, in full: two runs with equal options measure the same thing.</summary>
internal sealed record RunOptions
{
    public required string Workload { get; init; }
    public Door Door { get; init; } = Door.Tcp;

    /// <summary>Address of the broker for <see cref="Door.Remote"/>.</summary>
    public string? Address { get; init; }

    /// <summary>Messages per second of an open loop.</summary>
    public int Rate { get; init; } = 10_000;

    /// <summary>Bytes of a body, <see cref="MessageBody.MinLength"/> or more.</summary>
    public int Size { get; init; } = 128;

    /// <summary>How long to measure.</summary>
    public double Seconds { get; init; } = 5;

    /// <summary>How long to run before that.</summary>
    public double WarmupSeconds { get; init; } = 2;

    public DurabilityLevel Durability { get; init; } = DurabilityLevel.Process;

    /// <summary>Client and server spin; otherwise both wait adaptively.</summary>
    public bool Spin { get; init; }

    /// <summary>One thread publishes, polls and handles; otherwise the connection has a thread of its own.</summary>
    public bool Polled { get; init; }

    /// <summary>Most unconfirmed messages.</summary>
    public int Window { get; init; } = 4096;

    /// <summary>Most deliveries that are not acknowledged.</summary>
    public int Credit { get; init; } = 8192;

    /// <summary>Throughput: most messages published and not received yet. What a broker sustains is seen where its queue does not grow.</summary>
    public int Backlog { get; init; } = 8192;

    /// <summary>Ask for compression over TCP.</summary>
    public bool Compress { get; init; }

    /// <summary>What the bodies are made of.</summary>
    public BodyContent Content { get; init; }

    /// <summary>How often the workload runs, floors included.</summary>
    public int Runs { get; init; } = 1;

    public required string DataFolder { get; init; }

    /// <summary>The server's program; null: the AOT binary where it is built, else the one that runs on the runtime.</summary>
    public string? ServerProgram { get; init; }

    /// <summary>Print one line of JSON at the end.</summary>
    public bool Json { get; init; }

    internal string IdleName => Spin ? "spin" : "adaptive";

    internal string DurabilityName => Durability switch
    {
        DurabilityLevel.Memory => "memory",
        DurabilityLevel.Process => "process",
        _ => "disk",
    };

    internal string DoorName => Door switch
    {
        Door.Tcp or Door.Remote => "tcp",
        Door.Inproc => "inproc",
        _ => "ring",
    };
}
