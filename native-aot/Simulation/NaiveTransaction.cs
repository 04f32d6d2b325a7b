namespace LowLatency.Server.Simulation;

/// <summary>What a session has put into its transaction, in order.</summary>
internal sealed class NaiveTransaction
{
    /// <summary>Each with the publication, or the subscription, that its handle meant.</summary>
    internal List<(NaivePublication? Publication, NaiveConsumer? Consumer, SimulatedCommand Command)> Operations { get; } = [];

    internal long Length { get; private set; }

    /// <summary>An operation did not fit: the commit fails (rule X4).</summary>
    internal bool IsTooLong { get; private set; }

    internal bool IsEmpty => Operations.Count == 0 && !IsTooLong;

    internal void Add(NaivePublication? publication, NaiveConsumer? consumer, SimulatedCommand command, long most)
    {
        if (IsTooLong)
            return;
        long length = (command.Bytes.Length + 2 * sizeof(int) + 7) & ~7;
        if (Length + length > most)
        {
            Clear();
            IsTooLong = true;
            return;
        }
        Length += length;
        Operations.Add((publication, consumer, command));
    }

    internal void Clear()
    {
        Operations.Clear();
        Length = 0;
        IsTooLong = false;
    }
}
