using LowLatency.Core.Rings;

namespace LowLatency.Tests.Rings;

/// <summary>Memory in which another thread may run before each access.</summary>
internal readonly unsafe struct ExploredMemory : ISharedMemory
{
    public static long ReadAcquire(long* address)
    {
        Interleaving.Yield();
        return *address;
    }

    public static void WriteRelease(long* address, long value)
    {
        Interleaving.Yield();
        *address = value;
    }

    public static long CompareExchange(long* address, long value, long comparand)
    {
        Interleaving.Yield();
        long found = *address;
        if (found == comparand)
            *address = value;
        return found;
    }

    public static void Clear(byte* address, int length)
    {
        Interleaving.Yield();
        DirectMemory.Clear(address, length);
    }
}

/// <summary>Planted bug: the tail moves by a read and a write.</summary>
internal readonly unsafe struct TornExchangeMemory : ISharedMemory
{
    public static long ReadAcquire(long* address) => ExploredMemory.ReadAcquire(address);

    public static void WriteRelease(long* address, long value) => ExploredMemory.WriteRelease(address, value);

    public static long CompareExchange(long* address, long value, long comparand)
    {
        long found = ExploredMemory.ReadAcquire(address);
        if (found == comparand)
            ExploredMemory.WriteRelease(address, value);
        return found;
    }

    public static void Clear(byte* address, int length) => ExploredMemory.Clear(address, length);
}

/// <summary>Planted bug: the consumer leaves what it read where it is.</summary>
internal readonly unsafe struct UnclearedMemory : ISharedMemory
{
    public static long ReadAcquire(long* address) => ExploredMemory.ReadAcquire(address);

    public static void WriteRelease(long* address, long value) => ExploredMemory.WriteRelease(address, value);

    public static long CompareExchange(long* address, long value, long comparand) =>
        ExploredMemory.CompareExchange(address, value, comparand);

    public static void Clear(byte* address, int length)
    {
    }
}

/// <summary>Planted bug: the consumer gives space back before it has zeroed it.</summary>
internal readonly unsafe struct LateClearMemory : ISharedMemory
{
    [ThreadStatic] private static byte* _address;
    [ThreadStatic] private static int _length;

    public static long ReadAcquire(long* address) => ExploredMemory.ReadAcquire(address);

    public static void WriteRelease(long* address, long value)
    {
        ExploredMemory.WriteRelease(address, value);
        if (_length == 0)
            return;
        ExploredMemory.Clear(_address, _length);
        _length = 0;
    }

    public static long CompareExchange(long* address, long value, long comparand) =>
        ExploredMemory.CompareExchange(address, value, comparand);

    public static void Clear(byte* address, int length)
    {
        _address = address;
        _length = length;
    }
}
