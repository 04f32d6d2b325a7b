namespace LowLatency.Core.Rings;

/// <summary>What a wait strategy waits for.</summary>
internal interface ISequenceSource
{
    /// <summary>Whether the wait has to end without the sequence.</summary>
    bool IsAlerted { get; }

    /// <summary>Highest sequence that may be read now.</summary>
    long Available();
}
